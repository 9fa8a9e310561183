"""Runs a command twice at once, as the agents `collector` and `insight`, each at its own server.

Whatever either prints, lines of JSON, is printed with the agent's name.

    python tests/clients/pair.py COMMAND...
"""

import json
import os
import subprocess
import sys

AGENTS = ("collector", "insight")


def started(agent):
    url = os.environ[f"TOKENTAPE_{agent.upper()}_URL"]
    return subprocess.Popen(sys.argv[1:], env=os.environ | {"OLLAMA_HOST": url},
                            stdout=subprocess.PIPE, text=True)


def main():
    running = [(agent, started(agent)) for agent in AGENTS]
    for agent, process in running:
        for line in filter(None, process.communicate()[0].split("\n")):
            print(json.dumps(json.loads(line) | {"agent": agent}))
    return max(process.returncode for _, process in running)


if __name__ == "__main__":
    sys.exit(main())
