"""Every runtime that the agents run on: what it needs, and the command that starts the agents on it."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / "target/agents"

# A runtime's name: its environment, its program, the program's flags.
RUNTIMES = {
    "python-asyncio": ("python", "pair.py"),
    "python-asyncio-whole": ("python", "pair.py", "--whole"),
    "python-asyncio-batched": ("python", "pair.py", "--batched"),
    "python-uvloop": ("python", "pair.py", "--uvloop"),
    "python-threads": ("python", "threads.py"),
    "node": ("node", "pair.mjs"),
    "rust-tokio": ("rust", "rust-tokio"),
    "rust-tokio-current": ("rust", "rust-tokio-current"),
    "rust-smol": ("rust", "rust-smol"),
}


class Missing(Exception):
    """Why an environment cannot be had."""


def run(*command, **how):
    try:
        return subprocess.run(command, check=True, text=True, **how)
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as problem:
        raise Missing(f"`{' '.join(map(str, command[:3]))} ...` ended with code {problem.returncode}") from None


def python(folder):
    needs, has = HERE / "requirements.txt", folder / "requirements.txt"
    if not has.exists() or has.read_bytes() != needs.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        run(sys.executable, "-m", "venv", folder)
        run(folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", needs)
        shutil.copy(needs, has)
    return [folder / "bin/python"], HERE


def node(_):
    version = run("node", "--version", stdout=subprocess.PIPE).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < 20:
        raise Missing(f"node is {version}, and 20 or newer is needed")
    return ["node"], HERE


def rust(folder):
    run("cargo", "build", "--release", "--quiet", "--locked", "--target-dir", folder, cwd=HERE / "rust")
    return [], folder / "release"


def prepared(folder, wanted):
    """The commands of those wanted runtimes that can be had, and why others cannot."""
    commands, missing = {}, {}
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    had = {}
    for name in wanted:
        environment, program, *flags = RUNTIMES[name]
        if environment not in had:
            try:
                had[environment] = {"python": python, "node": node, "rust": rust}[environment](folder / environment)
            except Missing as reason:
                had[environment] = reason
        if isinstance(had[environment], Missing):
            missing[name] = str(had[environment])
        else:
            interpreter, programs = had[environment]
            commands[name] = [str(part) for part in (*interpreter, programs / program, *flags)]
    return commands, missing
