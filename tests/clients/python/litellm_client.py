"""The litellm package, by its providers `ollama_chat` (/api/chat) and `ollama` (/api/generate)."""

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # asks for a list on the internet otherwise

import litellm
from observe import ENOUGH, HOST, INPUTS, MESSAGES, TOOL, WEATHER, present, report

litellm.suppress_debug_info = True


def ask(provider, model, messages=MESSAGES, **options):
    return litellm.completion(f"{provider}/{model}", messages, api_base=HOST, **options)


def said(choice, message):
    yield from present(thinking=getattr(message, "reasoning_content", None), text=message.content)
    for call in message.tool_calls or ():
        yield "tool", [call.function.name, json.loads(call.function.arguments)]
    yield from present(reason=choice.finish_reason)


def counted(answer):
    if usage := getattr(answer, "usage", None):
        yield "counts", [usage.prompt_tokens, usage.completion_tokens]


def whole(answer):
    yield from said(answer.choices[0], answer.choices[0].message)
    yield from counted(answer)


def streamed(parts):
    for part in parts:
        for choice in part.choices:
            yield from said(choice, choice.delta)
        yield from counted(part)


STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def generate(model):
    return whole(ask("ollama", model))


def generate_streamed(model):
    return streamed(ask("ollama", model, **STREAM))


def chat(model):
    return whole(ask("ollama_chat", model))


def chat_streamed(model):
    return streamed(ask("ollama_chat", model, **STREAM))


def think(model):
    return whole(ask("ollama_chat", model, reasoning_effort="high"))


def think_streamed(model):
    return streamed(ask("ollama_chat", model, reasoning_effort="high", **STREAM))


def tools(model):
    answer = ask("ollama_chat", model, tools=[TOOL])
    yield from whole(answer)
    messages = [*MESSAGES, answer.choices[0].message, *results(answer)]
    yield from whole(ask("ollama_chat", model, messages, tools=[TOOL]))


def tools_streamed(model):
    parts = []
    for part in ask("ollama_chat", model, tools=[TOOL], **STREAM):
        parts.append(part)
        yield from streamed([part])
    answer = litellm.stream_chunk_builder(parts, messages=MESSAGES)
    messages = [*MESSAGES, answer.choices[0].message, *results(answer)]
    yield from streamed(ask("ollama_chat", model, messages, tools=[TOOL], **STREAM))


def results(answer):
    return [{"role": "tool", "tool_call_id": call.id, "content": WEATHER}
            for call in answer.choices[0].message.tool_calls]


async def cancel(model):
    stream = await litellm.acompletion(f"ollama_chat/{model}", MESSAGES, api_base=HOST, stream=True)
    for _ in range(ENOUGH):
        for observation in streamed([await anext(stream)]):
            yield observation
    await stream.aclose()


def embed(model):
    for item in litellm.embedding(f"ollama/{model}", INPUTS, api_base=HOST).data:
        yield "vector", item["embedding"]


def models(_):
    for name in litellm.get_valid_models(check_provider_endpoint=True, custom_llm_provider="ollama",
                                         api_base=HOST):
        yield "model", name.removeprefix("ollama/")


def show(model):
    """Posts a `name` where others post a `model`."""
    info = litellm.get_model_info(f"ollama/{model}", api_base=HOST)
    yield "can use tools", bool(info["supports_function_calling"])


report(generate=generate, generate_streamed=generate_streamed, chat=chat, chat_streamed=chat_streamed,
       think=think, think_streamed=think_streamed, tools=tools, tools_streamed=tools_streamed,
       cancel=cancel, embed=embed, models=models, show=show)
