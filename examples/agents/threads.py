#!/usr/bin/env python3
"""The agents of pair.py in threads, one each, asking by requests."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from work import Answer, flags, line, mark, plan, request


def work(agent, args):
    """One run: a first answer to the material, a second built on the first. The tokens written."""
    url = agent.url(args.topology)
    first = chat(url, agent.opening(), args)
    then = chat(url, agent.sequel(first.text), args)
    return first.tokens + then.tokens


def chat(url, prompt, args):
    """One streamed chat completion. Without a session, each call has a connection of its own."""
    answer = Answer(url)
    asked = request(args, prompt)
    with requests.post(f"{url}/v1/chat/completions", json=asked, stream=True, timeout=120) as response:
        accept(response)
        for piece in response.iter_content(chunk_size=None):
            answer.take(piece)
    return answer


def accept(response):
    """Refuse an answer that is an error, in the server's own words."""
    if not response.ok:
        raise RuntimeError(f"{response.url} answered {response.status_code}: {response.text.strip()[:200]}")


def run(args, phase, agents, number):
    """One run: mark it for the recorder, if there is one, and let the agents work at once."""
    if recorder := agents[0].recorder:
        accept(requests.post(f"{recorder}/_tokentape/run", json=mark(args, phase, agents, number), timeout=120))
    began = time.perf_counter()
    with ThreadPoolExecutor(len(agents)) as threads:
        tokens = list(threads.map(lambda agent: work(agent, args), agents))
    print(line(phase, agents, number, time.perf_counter() - began, tokens), flush=True)


def main():
    args = flags(__doc__.splitlines()[0], "python-threads").parse_args()
    try:
        for planned in plan(args):
            run(args, *planned)
    except KeyboardInterrupt:
        return 130
    except (requests.RequestException, RuntimeError, ValueError) as problem:
        print(f"threads: {problem}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
