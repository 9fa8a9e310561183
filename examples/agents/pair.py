#!/usr/bin/env python3
"""Two agents at work side by side: a collector reads a log, an insight agent reads a table.

Each makes two calls a run: it writes a first answer, then works on with that answer. Run alone,
it talks to two OpenAI-compatible servers, on ports 11434 and 11435. Run by `tokentape record`, it
talks to the recorder instead, and tells it where each run begins:

    tokentape record --agent collector=http://127.0.0.1:11434 --agent insight=http://127.0.0.1:11435 \\
        -- python examples/agents/pair.py --runs 5 --solo
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from dataclasses import dataclass

import httpx

LOG = """\
Log of the water plant, Monday 4 May

06:00 Pump A was started and gave 41 litres a minute.
06:40 Filter B was found clogged and was changed.
09:30 Pump A stopped for four minutes and was restarted by hand.
11:05 Valve C began to leak a little. A bucket was placed under it.
15:20 The tank was down to 48 percent."""

TABLE = """\
Measurements in the greenhouse, first week of May

day        degrees  litres of water  kWh
Monday          21               40  118
Tuesday         22               41  121
Wednesday       21               39  119
Thursday        34               78  187
Friday          22               42  125"""

RUN = {"scenario": "collector_insight", "runtime": "python-asyncio", "topology": "dual"}


@dataclass(frozen=True)
class Agent:
    """Its two tasks are openings to carry on from: that suits chat models and base models alike."""

    name: str
    port: int  # where its server listens when no recorder stands in between
    material: str
    first: str
    then: str

    @property
    def recorder(self):
        return os.environ.get(f"TOKENTAPE_{self.name.upper()}_URL", "").rstrip("/")

    async def work(self, client, options):
        """One run: a first answer to the material, a second built on the first. The tokens written."""
        url = self.recorder or f"http://127.0.0.1:{self.port}"
        answer, tokens = await chat(client, url, f"{self.material}\n\n{self.first}", options)
        answer = answer[: answer.rfind(".") + 1]  # max_tokens cuts the last sentence short
        _, more = await chat(client, url, f"{self.first}{answer}\n\n{self.then}", options)
        return tokens + more


COLLECTOR = Agent(
    name="collector",
    port=11434,
    material=LOG,
    first="The five things that were observed at the water plant on that day are:\n\n1.",
    then="In short, the next shift should know that",
)
INSIGHT = Agent(
    name="insight",
    port=11435,
    material=TABLE,
    first="What stands out in these measurements is that on Thursday",
    then="We therefore recommend that on warm days the gardener",
)


async def chat(client, url, prompt, options):
    """One streamed chat completion: its text and the number of tokens the server counted."""
    request = options | {"messages": [{"role": "user", "content": prompt}]}
    text, tokens = "", 0
    async with client.stream("POST", f"{url}/v1/chat/completions", json=request) as response:
        await accept(response)
        async for line in response.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                raise RuntimeError(f"{url} broke off: {event['error'].get('message', event['error'])}")
            for choice in event["choices"]:
                text += choice["delta"].get("content") or ""
            tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
    return text, tokens


async def accept(response):
    """Refuse an answer that is an error, in the server's own words."""
    if response.is_error:
        await response.aread()
        raise RuntimeError(f"{response.url} answered {response.status_code}: {response.text.strip()[:200]}")


async def run(client, agents, phase, number, options):
    """One run: mark it for the recorder, if there is one, and let the agents work at once."""
    if recorder := agents[0].recorder:
        mark = RUN | {"phase": phase, "run_number": number, "model": options["model"]}
        mark["labels"] = {"agents": "+".join(a.name for a in agents)}
        await accept(await client.post(f"{recorder}/_tokentape/run", json=mark))
    began = time.perf_counter()
    tokens = await asyncio.gather(*(a.work(client, options) for a in agents))
    seconds = time.perf_counter() - began
    shares = ", ".join(f"{a.name} {n} tokens" for a, n in zip(agents, tokens))
    print(f"{phase:<10} {number:>2}  {seconds:5.2f} s  {shares}", flush=True)


def plan(runs, solo, seed):
    """Rounds of (phase, agents), each round shuffled, so that a drift cannot pass for an effect."""
    shuffled = random.Random(seed)
    kinds = [("concurrent", (COLLECTOR, INSIGHT))]
    if solo:
        kinds += [("solo", (COLLECTOR,)), ("solo", (INSIGHT,))]
    for number in range(1, runs + 1):
        for phase, agents in shuffled.sample(kinds, len(kinds)):
            yield phase, agents, number


async def session(args):
    options = {"model": args.model, "max_tokens": args.max_tokens, "seed": args.seed, "temperature": 0}
    options["frequency_penalty"] = 0.8  # a small model at temperature 0 repeats itself without it
    options |= {"stream": True, "stream_options": {"include_usage": True}}
    # A connection for each call: llama.cpp closes one after a stream, and does not say so first.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        if args.warmup:
            await run(client, (COLLECTOR, INSIGHT), "warmup", 1, options)
        for phase, agents, number in plan(args.runs, args.solo, args.seed):
            await run(client, agents, phase, number, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="concurrent runs (default 5)")
    parser.add_argument("--solo", action="store_true", help="run each agent alone, too, as many times")
    parser.add_argument("--warmup", action="store_true", help="begin with a run marked as warmup")
    parser.add_argument("--model", default="gemma3:270m")
    parser.add_argument("--max-tokens", type=int, default=56, help="a call's limit (default 56)")
    parser.add_argument("--seed", type=int, default=1)
    try:
        asyncio.run(session(parser.parse_args()))
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
