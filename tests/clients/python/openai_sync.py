"""The openai package."""

import itertools
import json

import openai
from observe import ENOUGH, INPUTS, MESSAGES, PROMPT, TOOL, V1, WEATHER, present, report

client = openai.OpenAI(base_url=V1, api_key="unused")
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def counted(answer):
    if answer.usage:
        yield "counts", [answer.usage.prompt_tokens, answer.usage.completion_tokens]


def generate(model):
    answer = client.completions.create(model=model, prompt=PROMPT)
    yield "text", answer.choices[0].text
    yield from counted(answer)


def generate_streamed(model):
    for part in client.completions.create(model=model, prompt=PROMPT, **WITH_USAGE):
        for choice in part.choices:
            yield from present(text=choice.text, reason=choice.finish_reason)
        yield from counted(part)


def said(choice, message):
    """Ollama's field `reasoning` is not among OpenAI's."""
    thinking = (message.model_extra or {}).get("reasoning")
    yield from present(thinking=thinking, text=message.content)
    for call in message.tool_calls or ():
        yield "tool", [call.function.name, json.loads(call.function.arguments)]
        yield "id", call.id
    yield from present(reason=choice.finish_reason)


def chat(model, messages=MESSAGES, **options):
    answer = client.chat.completions.create(model=model, messages=messages, **options)
    yield from said(answer.choices[0], answer.choices[0].message)
    yield from counted(answer)


def chat_streamed(model, messages=MESSAGES, **options):
    for part in client.chat.completions.create(model=model, messages=messages, **WITH_USAGE, **options):
        for choice in part.choices:
            yield from said(choice, choice.delta)
        yield from counted(part)


def think(model):
    return chat(model, reasoning_effort="high")


def think_streamed(model):
    return chat_streamed(model, reasoning_effort="high")


def tools(model, ask=chat):
    called = {}
    for kind, value in ask(model, tools=[TOOL]):
        yield kind, value
        called[kind] = value
    name, arguments = called["tool"]
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": called["id"], "type": "function", "function": function}
    messages = [*MESSAGES, {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": called["id"], "content": WEATHER}]
    yield from ask(model, messages, tools=[TOOL])


def tools_streamed(model):
    return tools(model, chat_streamed)


def cancel(model):
    with client.chat.completions.create(model=model, messages=MESSAGES, stream=True) as stream:
        for part in itertools.islice(stream, ENOUGH):
            yield from said(part.choices[0], part.choices[0].delta)


def embed(model):
    """The client asks for base64 unless told otherwise."""
    return embedded(client.embeddings.create(model=model, input=INPUTS))


def embed_float(model):
    return embedded(client.embeddings.create(model=model, input=INPUTS, encoding_format="float"))


def embedded(answer):
    for item in answer.data:
        yield "vector", item.embedding


def models(_):
    for model in client.models.list():
        yield "model", model.id


def retrieve(model):
    yield "model", client.models.retrieve(model).id


report(generate=generate, generate_streamed=generate_streamed, chat=chat, chat_streamed=chat_streamed,
       think=think, think_streamed=think_streamed, tools=tools, tools_streamed=tools_streamed,
       cancel=cancel, embed=embed, embed_float=embed_float, models=models, retrieve=retrieve)
