//! The ollama-rs crate: makes the calls that the command line names, prints what was seen of each.
//!
//! `chat:plain` makes the call `chat` with the model `plain`; a call that the crate does not have is
//! not reported. What is seen are the values of each kind, in order.

use std::error::Error;

use futures_util::StreamExt as _;
use ollama_rs::Ollama;
use ollama_rs::generation::chat::request::ChatMessageRequest;
use ollama_rs::generation::chat::{ChatMessage, ChatMessageResponse, MessageRole};
use ollama_rs::generation::completion::GenerationResponse;
use ollama_rs::generation::completion::request::GenerationRequest;
use ollama_rs::generation::embeddings::request::GenerateEmbeddingsRequest;
use ollama_rs::generation::tools::ToolInfo;
use serde_json::{Map, Value, json};

const PROMPT: &str = "Say it.";
const WEATHER: &str = "18 degrees";
const INPUTS: [&str; 2] = ["salt", "pepper"];
/// Pieces, after which a stream is cancelled.
const ENOUGH: usize = 3;

/// The values of each kind, in order.
#[derive(Default)]
struct Seen(Map<String, Value>);

impl Seen {
    fn note(&mut self, kind: &str, value: impl Into<Value>) {
        let values = self.0.entry(kind).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(value.into());
    }

    fn note_text(&mut self, kind: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.note(kind, text);
        }
    }

    fn generated(&mut self, part: &GenerationResponse) {
        self.note_text("thinking", part.thinking.as_deref());
        self.note_text("text", Some(&part.response));
        if part.done {
            self.note("counts", json!([part.prompt_eval_count, part.eval_count]));
        }
    }

    fn chatted(&mut self, part: &ChatMessageResponse) {
        self.note_text("thinking", part.message.thinking.as_deref());
        self.note_text("text", Some(&part.message.content));
        for call in &part.message.tool_calls {
            let function = &call.function;
            self.note("tool", json!([function.name, function.arguments]));
        }
        if let Some(last) = &part.final_data {
            self.note("counts", json!([last.prompt_eval_count, last.eval_count]));
        }
    }
}

type Done = Result<(), Box<dyn Error>>;

struct Client {
    ollama: Ollama,
    model: String,
}

impl Client {
    /// Whether there is such a call.
    async fn make(&self, call: &str, seen: &mut Seen) -> Option<Done> {
        Some(match call {
            "generate" => self.generate(seen).await,
            "generate_streamed" => self.generate_streamed(seen).await,
            "chat" => self.chat(self.request(), seen).await,
            "chat_streamed" => self.chat_streamed(self.request(), seen).await,
            "think" => self.chat(self.request().think(true), seen).await,
            "think_streamed" => self.chat_streamed(self.request().think(true), seen).await,
            "tools" => self.tools(false, seen).await,
            "tools_streamed" => self.tools(true, seen).await,
            "cancel" => self.cancel(seen).await,
            "embed" => self.embed(seen).await,
            "models" => self.models(seen).await,
            "show" => self.show(seen).await,
            _ => return None,
        })
    }

    fn request(&self) -> ChatMessageRequest {
        let messages = vec![ChatMessage::user(PROMPT.into())];
        ChatMessageRequest::new(self.model.clone(), messages)
    }

    async fn generate(&self, seen: &mut Seen) -> Done {
        let request = GenerationRequest::new(self.model.clone(), PROMPT);
        seen.generated(&self.ollama.generate(request).await?);
        Ok(())
    }

    async fn generate_streamed(&self, seen: &mut Seen) -> Done {
        let request = GenerationRequest::new(self.model.clone(), PROMPT);
        let mut stream = self.ollama.generate_stream(request).await?;
        while let Some(parts) = stream.next().await {
            parts?.iter().for_each(|part| seen.generated(part));
        }
        Ok(())
    }

    async fn chat(&self, request: ChatMessageRequest, seen: &mut Seen) -> Done {
        seen.chatted(&self.ollama.send_chat_messages(request).await?);
        Ok(())
    }

    async fn chat_streamed(&self, request: ChatMessageRequest, seen: &mut Seen) -> Done {
        let mut stream = self.ollama.send_chat_messages_stream(request).await?;
        while let Some(part) = stream.next().await {
            seen.chatted(&part.map_err(|()| "the stream broke off")?);
        }
        Ok(())
    }

    async fn tools(&self, streamed: bool, seen: &mut Seen) -> Done {
        let mut request = self.request().tools(vec![weather_tool()?]);
        self.ask(&request, streamed, seen).await?;
        let call = seen.0.get("tool").ok_or("no tool was called")?[0].clone();
        let call = json!({"function": {"name": call[0], "arguments": call[1]}});
        let mut calling = ChatMessage::assistant(String::new());
        calling.tool_calls = vec![serde_json::from_value(call)?];
        let result = ChatMessage::new(MessageRole::Tool, WEATHER.into());
        request.messages.extend([calling, result]);
        self.ask(&request, streamed, seen).await
    }

    async fn ask(&self, request: &ChatMessageRequest, streamed: bool, seen: &mut Seen) -> Done {
        match streamed {
            true => self.chat_streamed(request.clone(), seen).await,
            false => self.chat(request.clone(), seen).await,
        }
    }

    async fn cancel(&self, seen: &mut Seen) -> Done {
        let stream = self
            .ollama
            .send_chat_messages_stream(self.request())
            .await?;
        let mut beginning = stream.take(ENOUGH);
        while let Some(part) = beginning.next().await {
            seen.chatted(&part.map_err(|()| "the stream broke off")?);
        }
        Ok(())
    }

    async fn embed(&self, seen: &mut Seen) -> Done {
        let inputs = INPUTS.to_vec().into();
        let request = GenerateEmbeddingsRequest::new(self.model.clone(), inputs);
        let answer = self.ollama.generate_embeddings(request).await?;
        let vectors = answer.embeddings.into_iter();
        vectors.for_each(|vector| seen.note("vector", vector));
        Ok(())
    }

    async fn models(&self, seen: &mut Seen) -> Done {
        let models = self.ollama.list_local_models().await?.into_iter();
        models.for_each(|model| seen.note("model", model.name));
        Ok(())
    }

    /// Posts a `name` where others post a `model`.
    async fn show(&self, seen: &mut Seen) -> Done {
        let shown = self.ollama.show_model_info(self.model.clone()).await?;
        seen.note(
            "can use tools",
            shown.capabilities.contains(&"tools".into()),
        );
        Ok(())
    }
}

fn weather_tool() -> serde_json::Result<ToolInfo> {
    serde_json::from_value(json!({
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of the next days",
            "parameters": {
                "type": "object",
                "required": ["city", "days"],
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            },
        },
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let host = std::env::var("OLLAMA_HOST")?;
    for named in std::env::args().skip(1) {
        let (call, model) = named.split_once(':').ok_or("calls look like chat:plain")?;
        let ollama = Ollama::try_new(host.as_str())?;
        let model = model.to_owned();
        let client = Client { ollama, model };
        let mut seen = Seen::default();
        let Some(done) = client.make(call, &mut seen).await else {
            continue;
        };
        if let Err(problem) = done {
            let class = if problem.is::<ollama_rs::error::OllamaError>() {
                "OllamaError"
            } else {
                "Error"
            };
            let message = problem.to_string().replace(&host, "SERVER");
            seen.0.insert("error".into(), json!([class, message]));
        }
        println!("{}", json!({"call": named, "seen": seen.0}));
    }
    Ok(())
}
