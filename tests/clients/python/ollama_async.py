"""The ollama package, asynchronous."""

import ollama
from observe import ENOUGH, HOST, INPUTS, MESSAGES, PROMPT, TOOL, report
from ollama_parts import answered, chatted, generated, listed, shown

client = ollama.AsyncClient(host=HOST)


async def generate(model):
    for observation in generated(await client.generate(model, PROMPT)):
        yield observation


async def generate_streamed(model):
    async for part in await client.generate(model, PROMPT, stream=True):
        for observation in generated(part):
            yield observation


async def chat(model, messages=MESSAGES, **options):
    for observation in chatted(await client.chat(model, messages, **options)):
        yield observation


async def chat_streamed(model, messages=MESSAGES, **options):
    async for part in await client.chat(model, messages, stream=True, **options):
        for observation in chatted(part):
            yield observation


def think(model):
    return chat(model, think=True)


def think_streamed(model):
    return chat_streamed(model, think=True)


async def tools(model, ask=chat):
    messages = list(MESSAGES)
    async for kind, value in ask(model, messages, tools=[TOOL]):
        yield kind, value
        if kind == "tool":
            messages += answered(*value)
    async for observation in ask(model, messages, tools=[TOOL]):
        yield observation


def tools_streamed(model):
    return tools(model, chat_streamed)


async def cancel(model):
    stream = await client.chat(model, MESSAGES, stream=True)
    for _ in range(ENOUGH):
        for observation in chatted(await anext(stream)):
            yield observation
    await stream.aclose()


async def embed(model):
    for vector in (await client.embed(model, INPUTS)).embeddings:
        yield "vector", list(vector)


async def embed_one(model):
    yield "vector", list((await client.embeddings(model, INPUTS[0])).embedding)


async def models(_):
    for observation in listed((await client.list()).models):
        yield observation


async def loaded(_):
    for observation in listed((await client.ps()).models):
        yield observation


async def show(model):
    for observation in shown(await client.show(model)):
        yield observation


report(generate=generate, generate_streamed=generate_streamed, chat=chat, chat_streamed=chat_streamed,
       think=think, think_streamed=think_streamed, tools=tools, tools_streamed=tools_streamed,
       cancel=cancel, embed=embed, embed_one=embed_one, models=models, loaded=loaded, show=show)
