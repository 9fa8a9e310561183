"""A gardener's agent: it reads a week's measurements, says what stands out, and what to do about it.

It finds its model server by TOKENTAPE_INSIGHT_URL, which `tokentape record` and `tokentape replay` set.
"""

import json
import os
import urllib.request

SERVER = os.environ.get("TOKENTAPE_INSIGHT_URL", "http://127.0.0.1:11435")
OPTIONS = {"model": "gemma3:270m", "max_tokens": 56, "seed": 1, "temperature": 0, "frequency_penalty": 0.8,
           "stream": True, "stream_options": {"include_usage": True}}

FINDING = "What stands out in these measurements is that on Thursday"
ADVICE = "We therefore recommend that on warm days the gardener"


def advise(measurements):
    """The finding and the advice, a sentence or two each."""
    finding = FINDING + whole_sentences(complete(f"{measurements}\n\n{FINDING}"))
    advice = ADVICE + whole_sentences(complete(f"{finding}\n\n{ADVICE}"))
    return finding, advice


def complete(prompt):
    """How the model carries on, read from the stream as it comes."""
    body = json.dumps(OPTIONS | {"messages": [{"role": "user", "content": prompt}]}).encode()
    asking = urllib.request.Request(f"{SERVER}/v1/chat/completions", body)
    asking.add_header("Content-Type", "application/json")
    text = ""
    with urllib.request.urlopen(asking, timeout=60) as answer:
        for line in answer:
            data = line.removeprefix(b"data: ").strip()
            if not data or data == b"[DONE]":
                continue
            event = json.loads(data)
            if "error" in event:
                raise RuntimeError(f"the model broke off: {event['error']['message']}")
            for choice in event["choices"]:
                text += choice["delta"].get("content") or ""
    return text


def whole_sentences(text):
    """The last one is cut short by `max_tokens`."""
    return text[: text.rfind(".") + 1]
