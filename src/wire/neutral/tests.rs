//! The same asked in each dialect, and what keeps requests apart.

use super::*;

fn of(dialect: Dialect, body: &Value) -> Option<Value> {
    neutral(dialect, body.to_string().as_bytes())
}

fn same(bodies: &[(Dialect, Value)]) {
    let forms: Vec<_> = bodies
        .iter()
        .map(|(dialect, body)| of(*dialect, body))
        .collect();
    assert!(forms[0].is_some());
    for form in &forms {
        assert_eq!(form, &forms[0]);
    }
}

const GENERATE: Dialect = Dialect::OllamaGenerate;
const CHAT: Dialect = Dialect::OllamaChat;
const OPENAI: Dialect = Dialect::OpenAiChat;

#[test]
fn a_prompt_is_a_conversation_of_one_message() {
    same(&[
        (
            GENERATE,
            json!({"model":"m","prompt":"p","system":"s","stream":false,"raw":false}),
        ),
        (
            CHAT,
            json!({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"p"}],"keep_alive":"5m"}),
        ),
        (
            OPENAI,
            json!({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"p"}]}],"user":"u","n":1}),
        ),
    ]);
    same(&[
        (
            GENERATE,
            json!({"model":"m","prompt":"p","images":["aGk="]}),
        ),
        (
            CHAT,
            json!({"model":"m","messages":[{"role":"User","content":"p","images":["aGk="]}]}),
        ),
        (
            OPENAI,
            json!({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"p"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]}),
        ),
    ]);
}

#[test]
fn options_formats_and_thinking_have_two_names() {
    let message = json!([{"role":"user","content":"p"}]);
    same(&[
        (
            GENERATE,
            json!({"prompt":"p","options":{"temperature":0,"top_p":0.5,"seed":1,"stop":["x"],"num_predict":9},"format":"json","think":"low"}),
        ),
        (
            CHAT,
            json!({"messages":message,"options":{"temperature":0.0,"top_p":0.5,"seed":1,"stop":"x","num_predict":9,"top_k":null},"format":"json","think":"low"}),
        ),
        (
            OPENAI,
            json!({"messages":message,"temperature":0,"top_p":0.5,"seed":1,"stop":"x","max_completion_tokens":9,"response_format":{"type":"json_object"},"reasoning_effort":"low"}),
        ),
        (
            OPENAI,
            json!({"messages":message,"temperature":0,"top_p":0.5,"seed":1,"stop":["x"],"max_tokens":9,"max_completion_tokens":9,"response_format":{"type":"json_object"},"reasoning":{"effort":"low"},"stream":true,"stream_options":{"include_usage":true}}),
        ),
    ]);
    same(&[
        (
            CHAT,
            json!({"messages":message,"format":{"type":"object"},"think":false}),
        ),
        (
            OPENAI,
            json!({"messages":message,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"reasoning_effort":"none"}),
        ),
    ]);
    same(&[
        (CHAT, json!({"messages":message,"options":{}})),
        (
            OPENAI,
            json!({"messages":message,"response_format":{"type":"text"},"tools":[],"tool_choice":"auto"}),
        ),
    ]);
}

#[test]
fn calls_and_their_results_are_the_same_whatever_their_ids() {
    let tools = json!([{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]);
    let call = |arguments: Value, id: &str| json!([{"id":id,"type":"function","function":{"name":"f","arguments":arguments}}]);
    same(&[
        (
            CHAT,
            json!({"tools":tools,"messages":[
            {"role":"assistant","content":"","thinking":"t","tool_calls":[{"function":{"index":0,"name":"f","arguments":{"x":1}}}]},
            {"role":"tool","content":"7","tool_name":"f"}]}),
        ),
        (
            CHAT,
            json!({"tools":tools,"messages":[
            {"role":"assistant","thinking":"t","tool_calls":call(json!({"x":1.0}), "a")},
            {"role":"tool","content":"7","tool_call_id":"a"}]}),
        ),
        (
            OPENAI,
            json!({"tools":tools,"messages":[
            {"role":"assistant","content":null,"reasoning":"t","refusal":null,"tool_calls":call(json!("{\"x\": 1}"), "b")},
            {"role":"tool","content":"7","tool_call_id":"b"}]}),
        ),
    ]);
}

#[test]
fn what_only_one_dialect_can_say_keeps_requests_apart() {
    let message = json!([{"role":"user","content":"p"}]);
    let plain = of(CHAT, &json!({"messages":message}));
    for (dialect, body) in [
        (GENERATE, json!({"prompt":"p","raw":true})),
        (GENERATE, json!({"prompt":"p","template":"t"})),
        (GENERATE, json!({"prompt":"p","suffix":"s"})),
        (GENERATE, json!({"prompt":"p","context":[1]})),
        (CHAT, json!({"messages":message,"options":{"num_ctx":8}})),
        (CHAT, json!({"messages":message,"truncate":false})),
        (CHAT, json!({"messages":message,"think":true})),
        (OPENAI, json!({"messages":message,"logit_bias":{"1":2}})),
        (OPENAI, json!({"messages":message,"tool_choice":"required"})),
        (
            OPENAI,
            json!({"messages":[{"role":"user","content":"p","name":"n"}]}),
        ),
        (
            OPENAI,
            json!({"messages":[{"role":"user","content":[{"type":"text","text":"p"},{"type":"text","text":"q"}]}]}),
        ),
        (
            OPENAI,
            json!({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x/y"}}]}]}),
        ),
    ] {
        let form = of(dialect, &body);
        assert!(form.is_some() && form != plain, "{body}");
    }
}

#[test]
fn what_cannot_be_told_in_another_dialect_has_no_form() {
    let message = json!([{"role":"user","content":"p"}]);
    for (dialect, body) in [
        (GENERATE, json!({"model":"m"})),
        (GENERATE, json!({"prompt":"p","logprobs":true})),
        (CHAT, json!({"messages":[]})),
        (CHAT, json!({"messages":["p"]})),
        (OPENAI, json!({"messages":message,"n":2})),
        (
            OPENAI,
            json!({"messages":message,"max_tokens":1,"max_completion_tokens":2}),
        ),
        (
            OPENAI,
            json!({"messages":message,"reasoning_effort":"minimal"}),
        ),
        (
            OPENAI,
            json!({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]}]}),
        ),
        (Dialect::OllamaEmbed, json!({"input":"p"})),
        (Dialect::OpenAiCompletions, json!({"prompt":"p"})),
    ] {
        assert_eq!(of(dialect, &body), None, "{body}");
    }
    assert_eq!(neutral(CHAT, b"\xff"), None);
}
