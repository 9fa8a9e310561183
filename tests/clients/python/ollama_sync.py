"""The ollama package, synchronous."""

import itertools

import ollama
from observe import ENOUGH, HOST, INPUTS, MESSAGES, PROMPT, TOOL, report
from ollama_parts import answered, chatted, generated, listed, shown

client = ollama.Client(host=HOST)


def generate(model):
    yield from generated(client.generate(model, PROMPT))


def generate_streamed(model):
    for part in client.generate(model, PROMPT, stream=True):
        yield from generated(part)


def chat(model, messages=MESSAGES, **options):
    yield from chatted(client.chat(model, messages, **options))


def chat_streamed(model, messages=MESSAGES, **options):
    for part in client.chat(model, messages, stream=True, **options):
        yield from chatted(part)


def think(model):
    return chat(model, think=True)


def think_streamed(model):
    return chat_streamed(model, think=True)


def tools(model, ask=chat):
    messages = list(MESSAGES)
    for kind, value in ask(model, messages, tools=[TOOL]):
        yield kind, value
        if kind == "tool":
            messages += answered(*value)
    yield from ask(model, messages, tools=[TOOL])


def tools_streamed(model):
    return tools(model, chat_streamed)


def cancel(model):
    stream = client.chat(model, MESSAGES, stream=True)
    for part in itertools.islice(stream, ENOUGH):
        yield from chatted(part)
    stream.close()


def embed(model):
    for vector in client.embed(model, INPUTS).embeddings:
        yield "vector", list(vector)


def embed_one(model):
    yield "vector", list(client.embeddings(model, INPUTS[0]).embedding)


def models(_):
    return listed(client.list().models)


def loaded(_):
    return listed(client.ps().models)


def show(model):
    return shown(client.show(model))


report(generate=generate, generate_streamed=generate_streamed, chat=chat, chat_streamed=chat_streamed,
       think=think, think_streamed=think_streamed, tools=tools, tools_streamed=tools_streamed,
       cancel=cancel, embed=embed, embed_one=embed_one, models=models, loaded=loaded, show=show)
