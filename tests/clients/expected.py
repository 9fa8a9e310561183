"""What each client is asked to do, and what its user must see, whatever client it is.

A call is named `call:model`, with a model of server.py. What is expected of it are texts, joined from
their pieces; lists of values; and a part of an error's message. Where no error is expected, there is none.
"""

PLAIN = "Salt & <pepper> — café"
WHERE_TO_GO = {"tool": [["get_weather", {"city": "Malmö", "days": 2}]], "text": "It will be 18 degrees."}
THOUGHT = {"thinking": "2 and 2 make 4", "text": "It is 4."}
VECTORS = [[0.5, -0.25, 0.125], [1, 0, -1.5]]
LONG = "begin " + "0123456789" * 7000 + " end"
BROKE = {"text": "so far", "error": "llama runner process has terminated: signal: killed"}

EXPECTED = {
    "generate:plain": {"text": PLAIN},
    "generate_streamed:plain": {"text": PLAIN},
    "chat:plain": {"text": PLAIN, "counts": [[11, 5]]},
    "chat_streamed:plain": {"text": PLAIN, "counts": [[11, 5]]},
    "tools:tools": WHERE_TO_GO,
    "tools_streamed:tools": WHERE_TO_GO,
    "think:thinking": THOUGHT,
    "think_streamed:thinking": THOUGHT,
    "embed:embedder": {"vector": VECTORS},
    "embed_float:embedder": {"vector": VECTORS},
    "embed_one:embedder": {"vector": VECTORS[:1]},
    "models:": {"model": ["plain", "tools"]},
    "validate:plain": {"text": PLAIN},
    "show:plain": {"can use tools": [False]},
    "show:tools": {"can use tools": [True]},
    "retrieve:plain": {"model": ["plain"]},
    "loaded:": {"model": ["plain"]},
    "chat:missing": {"error": "model 'missing' not found"},
    "chat_streamed:missing": {"error": "model 'missing' not found"},
    "chat:embedder": {"error": "does not support chat"},
    "chat:busy": {"error": "server busy, please try again.  maximum pending requests exceeded"},
    "chat_streamed:u2028": {"text": "one\u2028two\u2029three"},
    "generate_streamed:u2028": {"text": "one\u2028two\u2029three"},
    "chat_streamed:u0085": {"text": "one\u0085two three"},
    "generate_streamed:u0085": {"text": "one\u0085two three"},
    "chat:long-line": {"text": LONG},
    "chat_streamed:long-line": {"text": LONG},
    "generate_streamed:long-line": {"text": LONG},
    "chat_streamed:split-utf8": {"text": "un café noir"},
    "generate_streamed:split-utf8": {"text": "un café noir"},
    "chat_streamed:error-inside": BROKE,
    "generate_streamed:error-inside": BROKE,
    "chat_streamed:no-done": {"text": "so far"},
    "generate_streamed:no-done": {"text": "so far"},
    "cancel:slow": {"text": "abc"},
}

TWO_AGENTS = "two agents at once"
ROWS = {
    "generate": ["generate:plain"],
    "generate, streamed": ["generate_streamed:plain"],
    "chat": ["chat:plain"],
    "chat, streamed": ["chat_streamed:plain"],
    "tools": ["tools:tools"],
    "tools, streamed": ["tools_streamed:tools"],
    "thinking": ["think:thinking"],
    "thinking, streamed": ["think_streamed:thinking"],
    "embeddings": ["embed:embedder", "embed_float:embedder", "embed_one:embedder"],
    "list": ["models:", "validate:plain"],
    "show": ["show:plain", "show:tools", "retrieve:plain"],
    "ps": ["loaded:"],
    "404, no such model": ["chat:missing", "chat_streamed:missing"],
    "400, refused": ["chat:embedder"],
    "503, busy": ["chat:busy"],
    "U+2028 in a stream": ["chat_streamed:u2028", "generate_streamed:u2028"],
    "U+0085 in a stream": ["chat_streamed:u0085", "generate_streamed:u0085"],
    "a line over 64 KiB": ["chat:long-line", "chat_streamed:long-line", "generate_streamed:long-line"],
    "split UTF-8": ["chat_streamed:split-utf8", "generate_streamed:split-utf8"],
    "an error inside a stream": ["chat_streamed:error-inside", "generate_streamed:error-inside"],
    "an end without done": ["chat_streamed:no-done", "generate_streamed:no-done"],
    "a cancelled stream": ["cancel:slow"],
    TWO_AGENTS: [],     # has its own two recordings and replays
}
CALLS = [call for calls in ROWS.values() for call in calls]

# Each of two agents asks the same, again and again, and hears from its own server how often it has.
ROUNDS = 5
AGENTS_CALLS = ROUNDS * ["chat_streamed:counting", "chat:counting"]


def of_agents(name):
    return [{"text": f"{name} says {count}"} for count in range(1, len(AGENTS_CALLS) + 1)]


# Where a client does otherwise, as it does against the real server: by a reason's letter.
REASONS = {
    "a": "takes U+0085, which Ollama sends unescaped, for the end of a line, and fails or drops it",
    "b": "reads each chunk by itself, and loses a character or line that is cut over two",
    "c": "passes over an error inside a stream",
    "d": "is not told: below /v1, Ollama just ends a stream that fails",
    "e": "takes an end without done for an error; the others take it for the end",
    "f": "says it has cancelled, but reads on to the end",
}
HALF = {"text": "one", "error": "Unterminated string"}
SILENT = {"text": "so far"}
NOTICED = {"text": "so far", "error": "Did not receive done"}
OTHERWISE = {
    "a": {
        "ollama, Python": {"chat_streamed:u0085": HALF, "generate_streamed:u0085": HALF},
        "ollama, Python async": {"chat_streamed:u0085": HALF, "generate_streamed:u0085": HALF},
        "langchain-ollama": {"chat_streamed:u0085": HALF, "generate_streamed:u0085": HALF},
        "litellm": {"chat_streamed:u0085": {"text": "one three"}, "generate_streamed:u0085": HALF},
    },
    "b": {
        "ollama-rs": {"generate_streamed:long-line": {"text": "begin  end"},
                      "chat_streamed:split-utf8": {"text": "un  noir"},
                      "generate_streamed:split-utf8": {"text": "un  noir"}},
    },
    "c": {
        "ollama-rs": {"chat_streamed:error-inside": SILENT, "generate_streamed:error-inside": SILENT},
    },
    "d": {
        "openai, Python": {"chat_streamed:error-inside": SILENT, "generate_streamed:error-inside": SILENT},
        "openai, npm": {"chat_streamed:error-inside": SILENT, "generate_streamed:error-inside": SILENT},
        "pydantic-ai": {"chat_streamed:error-inside": SILENT},
    },
    "e": {
        "ollama, npm": {"chat_streamed:no-done": NOTICED, "generate_streamed:no-done": NOTICED},
        "ai-sdk-ollama": {"chat_streamed:no-done": NOTICED},
    },
    "f": {
        "ai-sdk-ollama": {"cancel:slow": {"text": "abc"}},
    },
}


def outcomes(client, path, model):
    """How the recorder may say that a model's answer ended."""
    if model in ("missing", "busy") or model == "embedder" and "embed" not in path:
        # openai for npm may leave on the status, before the body has come whole.
        return ["error_status", *(["client_aborted"] if client == "openai, npm" else [])]
    if path == "/api/show":
        return ["complete"]
    if model == "error-inside":
        return ["truncated" if path.startswith("/v1/") else "error_event"]  # see reason d
    if model == "no-done":
        return ["truncated"]
    if model == "slow":
        return ["complete" if client in OTHERWISE["f"] else "client_aborted"]
    if model == "u0085" and client in OTHERWISE["a"]:
        return ["client_aborted", "complete"]   # it fails and leaves, maybe after the end
    return ["complete"]


def otherwise(client, call):
    """The reason's letter and the expectation, if the client is known to do otherwise."""
    for letter, clients in OTHERWISE.items():
        if call in clients.get(client, {}):
            return letter, clients[client][call]
    return None, EXPECTED[call]
