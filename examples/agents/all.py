#!/usr/bin/env python3
"""The same two agents on every runtime in turn, against the same servers: the command of one recording.

    tokentape record -o traces/runtimes \\
        --agent collector=http://127.0.0.1:11434 --agent insight=http://127.0.0.1:11435 \\
        -- python3 examples/agents/all.py --rounds 5 --solo

Each round holds each runtime once (with --solo, also each agent alone), in an order that is shuffled
with a fixed seed and kept in the runs' labels: a machine that slows down meanwhile does not pass for a
runtime. Each run is a process of its own, which is up before its run is marked.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

from runtimes import ENVIRONMENTS, RUNTIMES, prepared
from work import AGENTS, WORK


def plan(runtimes, args):
    """(round, place in the round, places, runtime, flags) of each run."""
    shuffled = random.Random(args.seed)
    kinds = [[]] + ([["--only", agent.name] for agent in AGENTS] if args.solo else [])
    runs = [(runtime, kind) for runtime in runtimes for kind in kinds]
    for number in range(1, args.rounds + 1):
        for place, (runtime, kind) in enumerate(shuffled.sample(runs, len(runs)), 1):
            yield number, place, len(runs), runtime, kind


def run(command, *flags):
    """What a program says of its one run."""
    done = subprocess.run([*command, *map(str, flags)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with code {done.returncode}")
    return done.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each runtime (default 5)")
    parser.add_argument("--solo", action="store_true", help="run each agent alone, too, as many times")
    parser.add_argument("--only", action="append", choices=RUNTIMES, metavar="RUNTIME", help=", ".join(RUNTIMES))
    parser.add_argument("--loop-lag", action="store_true", help="where the agents can: tell how late the loop is")
    parser.add_argument("--topology", choices=["dual", "single"], default="dual", help="a server each, or one for both")
    parser.add_argument("--model", default=WORK["options"]["model"])
    parser.add_argument("--max-tokens", default=WORK["options"]["max_tokens"], help="a call's limit (default 56)")
    parser.add_argument("--seed", type=int, default=WORK["options"]["seed"], help="of the order and the requests")
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, help="where what they need is put")
    parser.add_argument("--prepare", action="store_true", help="only get everything ready")
    args = parser.parse_args()

    commands, missing = prepared(args.environments, args.only or RUNTIMES)
    for runtime, reason in missing.items():
        print(f"{runtime} is left out: {reason}", flush=True)
    if args.prepare or not commands:
        return 0
    common = ["--topology", args.topology, "--model", args.model, "--max-tokens", args.max_tokens, "--seed", args.seed]
    try:
        print("warm-up:", run(next(iter(commands.values())), "--runs", 0, "--warmup", *common), flush=True)
        for number, place, places, runtime, kind in plan(commands, args):
            labels = json.dumps({"round": number, "place": place})
            lag = ["--loop-lag"] if args.loop_lag and "pair.py" in RUNTIMES[runtime] else []
            one = ["--runs", 1, "--first-number", number, "--labels", labels, *kind, *lag]
            said = run(commands[runtime], *one, *common)
            print(f"{number}.{place:0{len(str(places))}} {runtime:<22}  {said}", flush=True)
    except KeyboardInterrupt:
        return 130
    except (OSError, RuntimeError) as problem:
        print(f"all: {problem}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
