"""What ollama's parts say, for its synchronous and its asynchronous client."""

from observe import WEATHER, present


def generated(part):
    yield from present(thinking=part.thinking, text=part.response)
    yield from counted(part)


def chatted(part):
    message = part.message
    yield from present(thinking=message.thinking, text=message.content)
    for call in message.tool_calls or ():
        yield "tool", [call.function.name, call.function.arguments]
    yield from counted(part)


def counted(part):
    if part.done:
        yield "counts", [part.prompt_eval_count, part.eval_count]
        yield "reason", part.done_reason


def listed(models):
    for model in models:
        yield "model", model.model


def shown(answer):
    yield "can use tools", "tools" in answer.capabilities


def answered(name, arguments):
    """The messages that follow on a tool's call."""
    call = {"function": {"name": name, "arguments": arguments}}
    return [{"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_name": name, "content": WEATHER}]
