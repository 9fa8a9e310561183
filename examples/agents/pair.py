#!/usr/bin/env python3
"""Two agents at work side by side: a collector reads a log, an insight agent reads a table.

Each makes two calls a run: it writes a first answer, then works on with that answer. Run alone,
it talks to two OpenAI-compatible servers, on ports 11434 and 11435. Run by `tokentape record`, it
talks to the recorder instead, and tells it where each run begins:

    tokentape record --agent collector=http://127.0.0.1:11434 --agent insight=http://127.0.0.1:11435 \\
        -- python examples/agents/pair.py --runs 5 --solo
"""

import asyncio
import contextlib
import json
import sys
import time

import httpx

from loop_lag import LoopLag
from work import Answer, flags, line, mark, plan, request

BATCH_S = 0.050


async def streamed(response, answer):
    async for piece in response.aiter_bytes():
        answer.take(piece)


async def batched(response, answer):
    """Parses at once what came within 50 ms, when the first chunk after them comes."""
    batch, due = [], 0
    async for piece in response.aiter_bytes():
        if batch and time.perf_counter() >= due:
            answer.take(b"".join(batch))
            batch = []
        if not batch:
            due = time.perf_counter() + BATCH_S
        batch.append(piece)
    answer.take(b"".join(batch))


async def whole(response, answer):
    answer.event(json.loads(await response.aread()))


READERS = {"python-asyncio": streamed, "python-uvloop": streamed,
           "python-asyncio-batched": batched, "python-asyncio-whole": whole}


async def work(client, agent, args):
    """One run: a first answer to the material, a second built on the first. The tokens written."""
    url = agent.url(args.topology)
    first = await chat(client, url, agent.opening(), args)
    then = await chat(client, url, agent.sequel(first.text), args)
    return first.tokens + then.tokens


async def chat(client, url, prompt, args):
    """One chat completion, read as the runtime's name says."""
    read, answer = READERS[args.runtime], Answer(url)
    body = request(args, prompt, stream=read is not whole)
    async with client.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
        await accept(response)
        await read(response, answer)
    return answer


async def accept(response):
    """Refuse an answer that is an error, in the server's own words."""
    if response.is_error:
        await response.aread()
        raise RuntimeError(f"{response.url} answered {response.status_code}: {response.text.strip()[:200]}")


async def run(client, args, phase, agents, number):
    """One run: mark it for the recorder, if there is one, and let the agents work at once."""
    recorder, session_ns = agents[0].recorder, None
    if recorder:
        session_ns = await begin(client, recorder, mark(args, phase, agents, number))
    lag = LoopLag(asyncio.get_running_loop()) if args.loop_lag and session_ns is not None else None
    with lag or contextlib.nullcontext():
        began = time.perf_counter()
        tokens = await asyncio.gather(*(work(client, agent, args) for agent in agents))
        seconds = time.perf_counter() - began
    print(line(phase, agents, number, seconds, tokens), flush=True)
    if lag:
        await accept(await client.post(f"{recorder}/_tokentape/samples", content=lag.samples(session_ns)))


async def begin(client, recorder, mark):
    """Marks a run. What the session's clock read when ours read 0; a plain replay has no such clock."""
    before = time.perf_counter_ns()
    response = await client.post(f"{recorder}/_tokentape/run", json=mark)
    now = (before + time.perf_counter_ns()) // 2
    await accept(response)
    session_now = response.json().get("t_ns")
    return None if session_now is None else session_now - now


async def session(args):
    # A connection for each call: llama.cpp closes one after a stream, and does not say so first.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        for planned in plan(args):
            await run(client, args, *planned)


def main():
    parser = flags(__doc__.splitlines()[0], "python-asyncio")
    way = parser.add_mutually_exclusive_group()
    for runtime, what in [
        ("python-asyncio-whole", "ask for whole answers"),
        ("python-asyncio-batched", "gather chunks for 50 ms and parse them at once"),
        ("python-uvloop", "run on uvloop"),
    ]:
        way.add_argument(f"--{runtime.split('-')[-1]}", dest="runtime", action="store_const", const=runtime, help=what)
    parser.add_argument("--loop-lag", action="store_true", help="tell the recorder how late the event loop is")
    args = parser.parse_args()
    if args.runtime == "python-uvloop":
        from uvloop import run as run_loop
    else:
        run_loop = asyncio.run
    try:
        run_loop(session(args))
    except KeyboardInterrupt:
        return 130
    except httpx.RequestError as problem:
        print(f"pair: {problem.request.url}: {problem or type(problem).__name__}", file=sys.stderr)
    except (RuntimeError, ValueError) as problem:
        print(f"pair: {problem}", file=sys.stderr)
    else:
        return 0
    return 3


if __name__ == "__main__":
    sys.exit(main())
