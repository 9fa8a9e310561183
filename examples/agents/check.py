#!/usr/bin/env python3
"""Holds every runtime's agents against the bundled session: the same requests, the same marks, the same answers.

    python3 examples/agents/check.py [--tokentape PATH] [--environments DIR] [--only RUNTIME]...

Each asks a replay of that session, which answers only what was recorded, through a recorder; what the
recorder has seen is compared, bodies by value. Exits 1 if anything differs or a runtime cannot be had.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runtimes import ENVIRONMENTS, HERE, RUNTIMES, prepared
from work import AGENTS

WHOLE = "python-asyncio-whole"
BUNDLED = HERE.parents[1] / "traces/gemma3-270m-pair"
ASKED = """
    select run_id, phase, run_number, scenario, topology, runtime, runs.model, labels,
        agent, method, path, cast(request_body as varchar) as body, outcome, eval_count
    from runs left join requests using (run_id)
    order by run_id, request_id"""
LAGS = """
    select run_id, count(value) as n, min(value) as least, min(t_ns >= start_ns) as within,
        (max(end_ns) - min(start_ns)) / 1e9 as seconds
    from samples left join runs using (run_id)
    where metric = 'loop_lag_ms' and source = 'agents'
    group by run_id"""
ODD = {"topology": "single", "run_number": 7, "labels": {"agents": "insight", "round": 7, "place": 2}}
ODD_FLAGS = ["--runs", "1", "--only", "insight", "--topology", "single", "--first-number", "7",
             "--labels", '{"round": 7, "place": 2}']


class Different(Exception):
    """What is not as it should be."""


def told(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if done.returncode:
        raise Different(f"exit code {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def queried(tokentape, trace, query):
    lines = told([tokentape, "sql", trace, "-c", query, "--format", "ndjson"])
    return [json.loads(line) for line in lines.splitlines()]


def runs(tokentape, trace):
    """What was recorded, by phase and agents: a run's mark, and each agent's requests in their order."""
    found = {}
    for row in queried(tokentape, trace, ASKED):
        labels = json.loads(row["labels"])
        mark = {key: row[key] for key in ("phase", "run_number", "scenario", "topology", "runtime", "model")}
        key = (row["phase"], row["run_number"], labels["agents"])
        run = found.setdefault(key, {"mark": mark | {"labels": labels}})
        request = {key: row[key] for key in ("method", "path", "outcome", "eval_count")}
        run.setdefault(row["agent"], []).append(request | {"body": json.loads(row["body"])})
    return found


def expected(bundled, runtime):
    """The bundled session's first round, as this runtime should ask it."""
    rounds = copy.deepcopy({key: run for key, run in bundled.items() if key[1] == 1})
    for run in rounds.values():
        run["mark"]["runtime"] = runtime
        if runtime == WHOLE:
            for body in (request["body"] for agent in AGENTS for request in run.get(agent.name, [])):
                del body["stream_options"]
                body["stream"] = False
    return rounds


def same(seen, wanted):
    for key in wanted.keys() | seen.keys():
        if seen.get(key) != wanted.get(key):
            raise Different(f"{key}\n  expected {json.dumps(wanted.get(key))}\n  seen     {json.dumps(seen.get(key))}")


class Check:
    def __init__(self, tokentape, folder):
        self.tokentape, self.folder = tokentape, folder
        self.bundled = runs(tokentape, BUNDLED)

    def __call__(self, runtime, command):
        """What is different, if anything is."""
        try:
            self.asks_the_same(runtime, command)
            if "pair.py" in RUNTIMES[runtime]:
                self.tells_its_loop_lag(runtime, command)
        except Different as problem:
            return problem

    def replaying(self, runtime, *flags):
        """The recording is of streams: whole answers are told from it again."""
        flags += ("--translate",) if runtime == WHOLE else ()
        return [self.tokentape, "replay", BUNDLED, "--allow-unused", "--quiet", *flags, "--"]

    def recorded(self, runtime, name, command, *flags):
        trace = self.folder / f"{runtime}-{name}"
        agents = [part for agent in AGENTS for part in ("--agent", f"{agent.name}={{{agent.name}}}")]
        recording = [self.tokentape, "record", "--quiet", "-o", trace, *agents, "--"]
        told([*self.replaying(runtime, *flags), *recording, *command])
        return trace

    def asks_the_same(self, runtime, command):
        """Every kind of run; then one with every flag that a driver of many runs needs."""
        wanted = expected(self.bundled, runtime)
        trace = self.recorded(runtime, "plain", [*command, "--runs", "1", "--solo", "--warmup"])
        same(runs(self.tokentape, trace), wanted)
        alone = wanted["solo", 1, "insight"]
        alone["mark"] |= ODD
        trace = self.recorded(runtime, "odd", [*command, *ODD_FLAGS])
        same(runs(self.tokentape, trace), {("solo", 7, "insight"): alone})

    def tells_its_loop_lag(self, runtime, command):
        """At the recorded pace, for as long as the agents work; nothing where there is no session's clock."""
        command = [*command, "--runs", "1", "--loop-lag"]
        trace = self.recorded(runtime, "lag", command, "--speed", "1")
        lags = queried(self.tokentape, trace, LAGS)
        if len(lags) != 1 or lags[0]["run_id"] != 1:
            raise Different(f"the loop's lag should lie in run 1, and lies in {lags}")
        if lags[0]["least"] < 0 or not lags[0]["within"] or not 20 <= lags[0]["n"] <= 100 * lags[0]["seconds"]:
            raise Different(f"the loop's lag was not sampled every 10 ms: {lags[0]}")
        told([*self.replaying(runtime), *command])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokentape", type=Path, default=Path("target/debug/tokentape"))
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, help="where what they need is put")
    parser.add_argument("--only", action="append", choices=RUNTIMES, metavar="RUNTIME", help=", ".join(RUNTIMES))
    args = parser.parse_args()
    commands, missing = prepared(args.environments, args.only or RUNTIMES)
    problems = []
    with tempfile.TemporaryDirectory() as scratch:
        check = Check(args.tokentape.resolve(), Path(scratch))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for runtime, problem in zip(commands, pool.map(check, *zip(*commands.items()))):
                print(f"{runtime}: {problem or 'the same'}", flush=True)
                problems += [problem] if problem else []
    for runtime, reason in missing.items():
        print(f"{runtime}: {reason}")
    return bool(problems or missing)


if __name__ == "__main__":
    sys.exit(main())
