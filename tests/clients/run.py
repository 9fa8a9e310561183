#!/usr/bin/env python3
"""Asks a scripted Ollama by every client: itself, through the recorder, and its replay. Prints a matrix.

A cell passes if a client's user sees what expected.py says, and the very same through `tokentape
record`, from `tokentape replay` of that recording, and from a recording of that replay.

    python tests/clients/run.py [--tokentape PATH] [--environments DIR] [--only CLIENT]... [--readme FILE]
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from expected import AGENTS_CALLS, CALLS, REASONS, ROWS, TWO_AGENTS, of_agents, otherwise, outcomes
from pair import AGENTS
from server import Server

HERE = Path(__file__).resolve().parent
SECONDS = 150   # that a client may take for all of its calls; ten are enough

# A client's name: its environment and its program.
CLIENTS = {
    "ollama, Python": ("python", "ollama_sync.py"),
    "ollama, Python async": ("python", "ollama_async.py"),
    "ollama, npm": ("node", "ollama.mjs"),
    "openai, Python": ("python", "openai_sync.py"),
    "openai, npm": ("node", "openai.mjs"),
    "langchain-ollama": ("python", "langchain_client.py"),
    "litellm": ("python", "litellm_client.py"),
    "pydantic-ai": ("python", "pydantic_ai_client.py"),
    "ai-sdk-ollama": ("node", "ai-sdk-ollama.mjs"),
    "ollama-rs": ("rust", "ollama-rs-client"),
}


# ---------------------------------------------------------------- environments


def is_new(folder, *files):
    """Whether an environment is made anew, from these files: there is none, or they have changed."""
    known = [(folder / file.name).read_bytes() if (folder / file.name).exists() else None for file in files]
    if known == [file.read_bytes() for file in files]:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def keep(folder, *files):
    """Says that the environment is complete."""
    for file in files:
        shutil.copy(file, folder)


def python(folder):
    needs = HERE / "python/requirements.txt"
    if is_new(folder, needs):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", needs],
                       check=True)
        keep(folder, needs)
    return lambda program: [folder / "bin/python", HERE / "python" / program]


def node(folder):
    """The programs lie beside the modules that they import."""
    needs = [HERE / "node" / name for name in ("package.json", "package-lock.json")]
    if is_new(folder, *needs):
        folder.mkdir()
        keep(folder, *needs)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    keep(folder, *(HERE / "node").glob("*.mjs"))
    return lambda program: [folder / "node_modules/.bin/node", folder / program]


def rust(folder):
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--target-dir", folder],
                   cwd=HERE / "rust", check=True)
    return lambda program: [folder / "debug" / program]


ENVIRONMENTS = {"python": python, "node": node, "rust": rust}


# ---------------------------------------------------------------- observations


class Problem(Exception):
    """Why a client's observations are worth nothing."""


class Hang(Problem):
    """It did not end."""


def observed(command, **environment):
    """What a program prints, line by line; the program itself, or a tokentape around it, must succeed."""
    command = [str(part) for part in command]
    with subprocess.Popen(command, env=os.environ | environment, text=True, start_new_session=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, said = process.communicate()
            raise Hang(f"no end in {SECONDS} s, after {len(out.splitlines())} lines: {' '.join(command[:4])} ...\n{said}")
    if process.returncode:
        last = "\n".join(said.strip().splitlines()[-20:])
        raise Problem(f"exit code {process.returncode}: {' '.join(command[:4])} ...\n{last}")
    return [json.loads(line) for line in out.split("\n") if line]


def meets(seen, expected):
    """Whether what was seen is what was expected."""
    if ("error" in seen) != ("error" in expected):
        return False
    for kind, value in expected.items():
        if kind == "error":
            if value not in seen["error"][1]:
                return False
        elif seen.get(kind) != value and "".join(map(str, seen.get(kind, []))) != value:
            return False
    return True


def shortened(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 400 else f"{text[:200]} ... {text[-200:]}"


# ---------------------------------------------------------------- one client


class Trial:
    """One client's cells: what is wrong with each, and where it does otherwise for a reason."""

    def __init__(self, client, command, tokentape, folder):
        self.client, self.command, self.tokentape, self.folder = client, command, tokentape, folder
        self.rows = {}          # row: letters of reasons
        self.problems = []      # (row, what is wrong)

    def run(self):
        began = time.monotonic()
        for trial, row in ((self.alone, "all"), (self.two_agents, TWO_AGENTS)):
            try:
                trial()
            except Problem as problem:
                self.problems.append((row, str(problem)))
        print(f"{self.client}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        return self

    def alone(self):
        """All calls but those of two agents."""
        trace, again = self.folder / "alone", self.folder / "alone-again"
        command = [*self.command, *CALLS]
        with Server("server") as server:
            try:
                direct = observed(command, OLLAMA_HOST=server.url)
            except Hang as hang:    # litellm does, now and then, with nothing of ours in between
                print(f"{self.client}, asking directly, is asked once more: {hang}", file=sys.stderr, flush=True)
                direct = observed(command, OLLAMA_HOST=server.url)
            recorded = observed([*self.recording(trace, agent=server.url), *command])
        replayed = observed([*self.replaying(trace), *command])
        replay_recorded = observed([*self.replaying(trace), *self.recording(again), *command])
        row_of = {call: row for row, calls in ROWS.items() for call in calls}
        for index, line in enumerate(direct):
            call, seen = line["call"], line["seen"]
            letter, expected = otherwise(self.client, call)
            self.rows.setdefault(row_of[call], set()).update(letter or ())
            if not meets(seen, expected):
                self.wrong(row_of[call], call, expected, "direct", seen)
            for way, lines in (("recorded", recorded), ("replayed", replayed),
                               ("a replay recorded", replay_recorded)):
                there = lines[index] if index < len(lines) else {}
                if there != line:
                    self.wrong(row_of[call], call, seen, way, there.get("seen"))
        self.check_outcomes("recorded", trace)
        self.check_outcomes("a replay recorded", again)

    def check_outcomes(self, way, trace):
        """How the recorder says that each answer ended."""
        query = "select distinct path, model, outcome from requests where model is not null"
        for row in observed([self.tokentape, "sql", trace, "-c", query, "--format", "ndjson"]):
            path, model, outcome = row["path"], row["model"], row["outcome"]
            if outcome not in (expected := outcomes(self.client, path, model)):
                for row, calls in ROWS.items():
                    if any(call.endswith(f":{model}") for call in calls):
                        self.wrong(row, f"outcome of {path} for {model}", expected, way, outcome)

    def two_agents(self):
        """Both ask the same at once; neither may hear the other's answers."""
        trace = self.folder / "pair"
        command = [sys.executable, HERE / "pair.py", *self.command, *AGENTS_CALLS]
        with Server("collector") as one, Server("insight") as other:
            direct = observed(command, TOKENTAPE_COLLECTOR_URL=one.url, TOKENTAPE_INSIGHT_URL=other.url)
        with Server("collector") as one, Server("insight") as other:
            recorded = observed([*self.recording(trace, collector=one.url, insight=other.url), *command])
        replayed = observed([*self.replaying(trace), *command])
        self.rows[TWO_AGENTS] = set()
        for agent in AGENTS:
            seen = [line["seen"] for line in direct if line["agent"] == agent]
            expected = of_agents(agent)
            if len(seen) != len(expected) or not all(map(meets, seen, expected)):
                self.wrong(TWO_AGENTS, agent, expected, "direct", seen)
        for way, lines in (("recorded", recorded), ("replayed", replayed)):
            if lines != direct:
                self.wrong(TWO_AGENTS, "both", direct, way, lines)

    def recording(self, trace, **agents):
        chosen = [part for name, url in agents.items() for part in ("--agent", f"{name}={url}")]
        return [self.tokentape, "record", "--quiet", "-o", trace, *chosen, "--"]

    def replaying(self, trace):
        return [self.tokentape, "replay", "--quiet", trace, "--"]

    def wrong(self, row, what, expected, way, seen):
        self.problems.append((row, f"{what}\n  expected {shortened(expected)}\n  {way}: {shortened(seen)}"))

    def cell(self, row):
        if any(wrong in (row, "all") for wrong, _ in self.problems):
            return "FAIL"
        if row not in self.rows:
            return "-"
        return ", ".join(sorted(self.rows[row])) or "✓"


# ---------------------------------------------------------------- the matrix


def matrix(trials):
    lines = ["| | " + " | ".join(trial.client for trial in trials) + " |",
             "|---|" + len(trials) * ":-:|"]
    lines += [f"| {row} | " + " | ".join(trial.cell(row) for trial in trials) + " |" for row in ROWS]
    used = {letter for trial in trials for letters in trial.rows.values() for letter in letters}
    lines += ["", *(f"- {letter}: {REASONS[letter]}" for letter in sorted(used))]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokentape", type=Path, default=Path("target/debug/tokentape"))
    parser.add_argument("--environments", type=Path, help="where the clients are, or are to be, installed")
    parser.add_argument("--only", action="append", choices=CLIENTS, metavar="CLIENT",
                        help="one of: " + "; ".join(CLIENTS))
    parser.add_argument("--readme", type=Path, help="a file that must show the same matrix")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        folder = (args.environments or scratch / "environments").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        chosen = args.only or list(CLIENTS)
        began = time.monotonic()
        environments = {name: ENVIRONMENTS[name](folder / name)
                        for name in dict.fromkeys(CLIENTS[client][0] for client in chosen)}
        built = time.monotonic()
        trials = []
        for number, client in enumerate(chosen):
            environment, program = CLIENTS[client]
            place = scratch / str(number)
            place.mkdir()
            trials.append(Trial(client, environments[environment](program), args.tokentape.resolve(), place))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(Trial.run, trials))
    table = matrix(trials)
    print(table)
    print(f"environments {built - began:.0f} s, clients {time.monotonic() - built:.0f} s", file=sys.stderr)
    for trial in trials:
        for row, problem in trial.problems:
            print(f"\n{trial.client}, {row}: {problem}")
    outdated = args.readme and table not in args.readme.read_text()
    if outdated:
        print(f"\n{args.readme} shows another matrix")
    return outdated or any(trial.problems for trial in trials)


if __name__ == "__main__":
    sys.exit(bool(main()))
