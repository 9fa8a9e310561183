"""What the Python clients share: making the calls that the command line names, telling what was seen.

A call is a generator, which may be asynchronous, of what a user of the client gets to see: pairs of
a kind and a value, such as ("text", "Salt"). It fails as the client does. `chat:plain` makes the
call `chat` with the model `plain`; a call that the client does not have is not reported.
"""

import asyncio
import json
import os
import re
import sys

HOST = os.environ["OLLAMA_HOST"]
V1 = f"{HOST}/v1"
PROMPT = "Say it."
MESSAGES = [{"role": "user", "content": PROMPT}]
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of the next days",
    "parameters": {"type": "object", "required": ["city", "days"],
                   "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}}
WEATHER = "18 degrees"
INPUTS = ["salt", "pepper"]
ENOUGH = 3  # pieces, after which a stream is cancelled


def report(**calls):
    """Makes the named calls and prints a line of JSON for each."""
    asyncio.run(report_all(calls))


async def report_all(calls):
    for named in sys.argv[1:]:
        call, _, model = named.partition(":")
        if call in calls:
            print(json.dumps({"call": named, "seen": await seen(calls[call], model)}), flush=True)


async def seen(call, model):
    """By kind, what was observed, in order."""
    result = {}
    try:
        async for kind, value in each(call(model)):
            result.setdefault(kind, []).append(value)
    except Exception as problem:
        result["error"] = [type(problem).__name__, without_volatile(str(problem))]
    return result


async def each(observations):
    if hasattr(observations, "__aiter__"):
        async for observation in observations:
            yield observation
    else:
        for observation in observations:
            yield observation


def without_volatile(message):
    return re.sub(r"127\.0\.0\.1:\d+", "SERVER", message)


def present(**observations):
    """Pairs of those that say something."""
    return [(kind, value) for kind, value in observations.items() if value]
