"""The two agents' work, for any Python: what they ask, how they read the answers, the runs and their marks."""

import argparse
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

WORK = json.loads((Path(__file__).parent / "work.json").read_text())


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

    def url(self, topology):
        """Where it asks: behind a recorder, it is the recorder who knows the server."""
        port = AGENTS[0].port if topology == "single" else self.port
        return self.recorder or f"http://127.0.0.1:{port}"

    def opening(self):
        """The first prompt."""
        return f"{self.material}\n\n{self.first}"

    def sequel(self, answer):
        """The second prompt, built on the first answer, whose last sentence max_tokens has cut short."""
        return f"{self.first}{answer[:answer.rfind('.') + 1]}\n\n{self.then}"


AGENTS = [Agent(**agent) for agent in WORK["agents"]]


def request(args, prompt, stream=True):
    """The body of a chat completion."""
    options = WORK["options"] | {"model": args.model, "max_tokens": args.max_tokens, "seed": args.seed}
    if not stream:
        del options["stream_options"]
        options["stream"] = False
    return options | {"messages": [{"role": "user", "content": prompt}]}


class Answer:
    """A chat completion as it comes: its text so far, and the number of tokens that the server counted."""

    def __init__(self, url):
        self.url, self.text, self.tokens, self.rest = url, "", 0, b""

    def take(self, piece):
        """The next bytes of a stream, wherever they were cut."""
        *lines, self.rest = (self.rest + piece).split(b"\n")
        for line in lines:
            data = line.removeprefix(b"data: ").strip()
            if line.startswith(b"data: ") and data != b"[DONE]":
                self.event(json.loads(data))

    def event(self, event):
        """An event of a stream, or the whole answer."""
        if "error" in event:
            raise RuntimeError(f"{self.url} broke off: {event['error'].get('message', event['error'])}")
        for choice in event["choices"]:
            self.text += (choice.get("delta") or choice.get("message") or {}).get("content") or ""
        self.tokens = (event.get("usage") or {}).get("completion_tokens", self.tokens)


def plan(args):
    """(phase, agents, number) of each run: rounds, shuffled, so that a drift cannot pass for an effect."""
    shuffled = random.Random(args.seed)
    alone = [("solo", (agent,)) for agent in AGENTS]
    kinds = [("concurrent", tuple(AGENTS))] + (alone if args.solo else [])
    if args.only:
        kinds = [(phase, agents) for phase, agents in alone if agents[0].name == args.only]
    if args.warmup:
        yield "warmup", tuple(AGENTS), 1
    for number in range(args.first_number, args.first_number + args.runs):
        for phase, agents in shuffled.sample(kinds, len(kinds)):
            yield phase, agents, number


def mark(args, phase, agents, number):
    """What the recorder is told where a run begins."""
    run = {"scenario": WORK["scenario"], "runtime": args.runtime, "topology": args.topology}
    run |= {"phase": phase, "run_number": number, "model": args.model}
    return run | {"labels": {"agents": "+".join(agent.name for agent in agents)} | args.labels}


def line(phase, agents, number, seconds, tokens):
    """What is printed of a run."""
    shares = ", ".join(f"{agent.name} {count} tokens" for agent, count in zip(agents, tokens))
    return f"{phase:<10} {number:>2}  {seconds:5.2f} s  {shares}"


def flags(description, runtime):
    """The flags that all agents take, in any language."""
    default = WORK["options"]
    parser = argparse.ArgumentParser(description=description)
    parser.set_defaults(runtime=runtime)
    parser.add_argument("--runs", type=int, default=5, help="concurrent runs (default 5)")
    parser.add_argument("--solo", action="store_true", help="run each agent alone, too, as many times")
    parser.add_argument("--only", choices=[agent.name for agent in AGENTS], help="run this agent alone, nothing else")
    parser.add_argument("--warmup", action="store_true", help="begin with a run marked as warmup")
    parser.add_argument("--first-number", type=int, default=1, metavar="N", help="the first run's number (default 1)")
    parser.add_argument("--topology", choices=["dual", "single"], default="dual", help="a server each, or one for both")
    parser.add_argument("--labels", type=json.loads, default={}, metavar="JSON", help="more labels for the runs' marks")
    parser.add_argument("--model", default=default["model"])
    parser.add_argument("--max-tokens", type=int, default=default["max_tokens"], help="a call's limit (default 56)")
    parser.add_argument("--seed", type=int, default=default["seed"])
    return parser
