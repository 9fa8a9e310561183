"""The pydantic-ai framework: an agent over /v1."""

from observe import ENOUGH, INPUTS, PROMPT, V1, WEATHER, present, report
from pydantic_ai import Agent, AgentRunResultEvent, Embedder, FunctionToolCallEvent
from pydantic_ai import PartDeltaEvent, PartStartEvent, TextPart, ThinkingPart
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.providers.ollama import OllamaProvider

provider = OllamaProvider(base_url=V1)


def get_weather(city: str, days: int) -> str:
    """The weather of the next days"""
    return WEATHER


def agent(model, tools=()):
    return Agent(OllamaModel(model, provider=provider), tools=tools)


def counted(result):
    yield "counts", [result.usage.input_tokens, result.usage.output_tokens]


async def chat(model, tools=()):
    result = await agent(model, tools).run(PROMPT)
    for message in result.all_messages():
        for part in message.parts:
            if part.part_kind == "tool-call":
                yield "tool", [part.tool_name, part.args_as_dict()]
            elif part.part_kind in KINDS:
                yield KINDS[part.part_kind], part.content
    for observation in counted(result):
        yield observation


KINDS = {"text": "text", "thinking": "thinking"}


async def chat_streamed(model, tools=()):
    async with agent(model, tools).run_stream_events(PROMPT) as events:
        async for event in events:
            for observation in happened(event):
                yield observation


def happened(event):
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            yield from present(text=text)
        case PartStartEvent(part=ThinkingPart(content=thinking)):
            yield from present(thinking=thinking)
        case PartDeltaEvent(delta=delta) if delta.part_delta_kind in KINDS:
            yield from present(**{KINDS[delta.part_delta_kind]: delta.content_delta})
        case FunctionToolCallEvent(part=part):
            yield "tool", [part.tool_name, part.args_as_dict()]
        case AgentRunResultEvent(result=result):
            yield from counted(result)


def tools(model):
    return chat(model, [get_weather])


def tools_streamed(model):
    return chat_streamed(model, [get_weather])


async def cancel(model):
    pieces = 0
    async with agent(model).run_stream_events(PROMPT) as events:
        async for event in events:
            for observation in happened(event):
                yield observation
                pieces += 1
            if pieces == ENOUGH:
                break


async def embed(model):
    embedder = Embedder(OpenAIEmbeddingModel(model, provider=provider))
    for vector in (await embedder.embed_documents(INPUTS)).embeddings:
        yield "vector", list(vector)


report(chat=chat, chat_streamed=chat_streamed, think=chat, think_streamed=chat_streamed, tools=tools,
       tools_streamed=tools_streamed, cancel=cancel, embed=embed)
