"""The langchain-ollama package: ChatOllama, OllamaLLM, OllamaEmbeddings."""

import itertools

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from observe import ENOUGH, HOST, INPUTS, PROMPT, TOOL, WEATHER, present, report

QUESTION = [HumanMessage(PROMPT)]


def chat_model(model, **options):
    return ChatOllama(model=model, base_url=HOST, **options)


def said(message):
    yield from present(thinking=message.additional_kwargs.get("reasoning_content"), text=message.content)
    for call in message.tool_calls:
        yield "tool", [call["name"], call["args"]]
    if usage := message.usage_metadata:
        yield "counts", [usage["input_tokens"], usage["output_tokens"]]
    yield from present(reason=message.response_metadata.get("done_reason"))


def generate(model):
    yield "text", OllamaLLM(model=model, base_url=HOST).invoke(PROMPT)


def generate_streamed(model):
    for piece in OllamaLLM(model=model, base_url=HOST).stream(PROMPT):
        yield from present(text=piece)


def chat(model):
    return said(chat_model(model).invoke(QUESTION))


def chat_streamed(model):
    for part in chat_model(model).stream(QUESTION):
        yield from said(part)


def think(model):
    return said(chat_model(model, reasoning=True).invoke(QUESTION))


def think_streamed(model):
    for part in chat_model(model, reasoning=True).stream(QUESTION):
        yield from said(part)


def tools(model):
    with_tools = chat_model(model).bind_tools([TOOL])
    answer = with_tools.invoke(QUESTION)
    yield from said(answer)
    yield from said(with_tools.invoke([*QUESTION, answer, *results(answer)]))


def tools_streamed(model):
    with_tools = chat_model(model).bind_tools([TOOL])
    answer = None
    for part in with_tools.stream(QUESTION):
        yield from said(part)
        answer = part if answer is None else answer + part
    for part in with_tools.stream([*QUESTION, answer, *results(answer)]):
        yield from said(part)


def results(answer):
    return [ToolMessage(WEATHER, tool_call_id=call["id"]) for call in answer.tool_calls]


def cancel(model):
    stream = chat_model(model).stream(QUESTION)
    for part in itertools.islice(stream, ENOUGH):
        yield from said(part)
    stream.close()


def embed(model):
    for vector in OllamaEmbeddings(model=model, base_url=HOST).embed_documents(INPUTS):
        yield "vector", vector


def validate(model):
    """Asks the server for its models first."""
    return said(chat_model(model, validate_model_on_init=True).invoke(QUESTION))


report(generate=generate, generate_streamed=generate_streamed, chat=chat, chat_streamed=chat_streamed,
       think=think, think_streamed=think_streamed, tools=tools, tools_streamed=tools_streamed,
       cancel=cancel, embed=embed, validate=validate)
