"""A scripted stand-in for an Ollama server: the model's name decides what it answers.

It speaks the wire as the real server does: one flushed chunk a line, Go's escapes in JSON (U+2028
is escaped, U+0085 is not), the texts of its errors, server-sent events below /v1.

    python tests/clients/server.py [PORT]
"""

import base64
import itertools
import json
import struct
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CREATED = "2026-01-01T00:00:00.123456789Z"
CREATED_UNIX = 1767225600
PROMPT_TOKENS = 11
METRICS = {"total_duration": 900_000_000, "load_duration": 100_000_000,
           "prompt_eval_count": PROMPT_TOKENS, "prompt_eval_duration": 200_000_000}
TOOL_CALL = ("get_weather", {"city": "Malmö", "days": 2})
VECTORS = {"salt": [0.5, -0.25, 0.125], "pepper": [1.0, 0.0, -1.5]}
BROKE = "llama runner process has terminated: signal: killed"
BETWEEN_CHUNKS = 0.002   # seconds, so that chunks do not come as one
BETWEEN_TOKENS = 0.05    # of a slow stream, which its client is to cancel


@dataclass
class Script:
    """What a model answers, and how a stream of it ends."""

    pieces: list = ()
    thinking: list = ()
    tool_call: tuple = None
    end: str = "done"     # or "error", or "nothing"
    slow: bool = False
    cut: bool = False     # a character of more than one byte is cut over two chunks


SCRIPTS = {
    "plain": Script(["Salt", " & ", "<pepper>", " — ", "café"]),
    "u2028": Script(["one\u2028", "two\u2029", "three"]),
    "u0085": Script(["one", "\u0085two", " three"]),
    "long-line": Script(["begin ", "0123456789" * 7000, " end"]),
    "split-utf8": Script(["un ", "café", " noir"], cut=True),
    "error-inside": Script(["so ", "far"], end="error"),
    "no-done": Script(["so ", "far"], end="nothing"),
    "slow": Script([*"abcdefghijklmnopqrstuvwxyz"] * 2, slow=True),
    "thinking": Script(["It is ", "4."], thinking=["2 and 2", " make 4"]),
    "tools": Script(tool_call=TOOL_CALL),
    "counting": Script(),
}
AFTER_THE_TOOL = Script(["It will be ", "18 degrees."])
REFUSALS = {
    "missing": (404, "model 'missing' not found"),
    "embedder": (400, '"embedder" does not support chat'),
    "busy": (503, "server busy, please try again.  maximum pending requests exceeded"),
}


def go_json(value):
    """JSON as Go writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()


def cut_inside_of_a_character(data):
    """The data in two parts, the first of which ends inside of its first non-ASCII character."""
    place = next((place for place, byte in enumerate(data) if byte > 127), None)
    return [data] if place is None else [data[:place + 1], data[place + 1:]]


class Ollama:
    """/api/generate and /api/chat: the objects of a stream, or one object."""

    def __init__(self, model, script, chats):
        self.model, self.script, self.chats = model, script, chats

    def object(self, text="", thinking="", tool_call=None, **more):
        head = {"model": self.model, "created_at": CREATED}
        thinking = {"thinking": thinking} if thinking else {}
        if not self.chats:
            return head | {"response": text} | thinking | {"done": False} | more
        calls = {}
        if tool_call:
            name, arguments = tool_call
            calls = {"tool_calls": [{"function": {"index": 0, "name": name, "arguments": arguments}}]}
        message = {"role": "assistant", "content": text} | thinking | calls
        return head | {"message": message, "done": False} | more

    def last(self):
        context = {} if self.chats else {"context": [1, 2, 3]}
        counts = {"eval_count": tokens(self.script), "eval_duration": 600_000_000}
        return {"done": True, "done_reason": "stop"} | context | METRICS | counts

    def whole(self):
        script = self.script
        return go_json(self.object("".join(script.pieces), "".join(script.thinking), script.tool_call,
                                   **self.last()))

    def stream(self):
        for thought in self.script.thinking:
            yield go_json(self.object(thinking=thought)) + b"\n"
        for piece in self.script.pieces:
            yield go_json(self.object(piece)) + b"\n"
        if self.script.tool_call:
            yield go_json(self.object(tool_call=self.script.tool_call)) + b"\n"
        if self.script.end == "done":
            yield go_json(self.object(**self.last())) + b"\n"
        elif self.script.end == "error":
            yield go_json({"error": BROKE}) + b"\n"


class OpenAI:
    """/v1/chat/completions and /v1/completions: the events of a stream, or one object."""

    def __init__(self, model, script, chats, with_usage):
        self.model, self.script, self.chats, self.with_usage = model, script, chats, with_usage
        self.finish = "tool_calls" if script.tool_call else "stop"

    def object(self, kind, **more):
        prefix = "chatcmpl" if self.chats else "cmpl"
        kind = f"chat.completion{kind}" if self.chats else "text_completion"
        return {"id": f"{prefix}-1", "object": kind, "created": CREATED_UNIX, "model": self.model,
                "system_fingerprint": "fp_ollama"} | more

    def usage(self):
        count = tokens(self.script)
        return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": count,
                "total_tokens": PROMPT_TOKENS + count}

    def tool_calls(self):
        name, arguments = self.script.tool_call
        function = {"name": name, "arguments": go_json(arguments).decode()}
        return [{"id": "call_1", "index": 0, "type": "function", "function": function}]

    def whole(self):
        script, text = self.script, "".join(self.script.pieces)
        message = {"role": "assistant", "content": text}
        if script.thinking:
            message["reasoning"] = "".join(script.thinking)
        if script.tool_call:
            message["tool_calls"] = self.tool_calls()
        said = {"message": message} if self.chats else {"text": text}
        choice = {"index": 0} | said | {"finish_reason": self.finish}
        return go_json(self.object("", choices=[choice], usage=self.usage())) + b"\n"

    def event(self, delta, finish=None, **more):
        said = {"delta": delta} if self.chats else {"text": delta.get("content", "")}
        choice = {"index": 0} | said | {"finish_reason": finish}
        return sse(self.object(".chunk", choices=[choice]) | more)

    def stream(self):
        deltas = [{"content": "", "reasoning": thought} for thought in self.script.thinking]
        deltas += [{"content": piece} for piece in self.script.pieces]
        if self.script.tool_call:
            deltas.append({"content": "", "tool_calls": self.tool_calls()})
        for delta, role in zip(deltas, itertools.chain([{"role": "assistant"}], itertools.repeat({}))):
            yield self.event(role | delta)
        if self.script.end == "done":
            yield self.event({}, self.finish)
            if self.with_usage:
                yield sse(self.object(".chunk", choices=[], usage=self.usage()))
            yield b"data: [DONE]\n\n"
        elif self.script.end == "error":    # this is all that the real server lets its clients know
            yield self.event({"role": "assistant", "content": ""}, model="")


def tokens(script):
    return len(script.thinking) + len(script.pieces) + bool(script.tool_call)


def sse(value):
    return b"data: " + go_json(value) + b"\n\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        listed = [{"name": name, "model": name, "modified_at": CREATED, "size": 1000, "digest": "0" * 64,
                   "details": details()} for name in ("plain", "tools")]
        loaded = [{key: value for key, value in model.items() if key != "modified_at"}
                  | {"expires_at": CREATED, "size_vram": 1000, "context_length": 4096}
                  for model in listed[:1]]
        openai = [{"id": model["name"], "object": "model", "created": CREATED_UNIX,
                   "owned_by": "library"} for model in listed]
        match self.path:
            case "/":
                self.whole(b"Ollama is running", "text/plain; charset=utf-8")
            case "/api/version":
                self.api({"version": "0.33.0"})
            case "/api/tags":
                self.api({"models": listed})
            case "/api/ps":
                self.api({"models": loaded})
            case "/v1/models":
                self.v1({"object": "list", "data": openai})
            case "/v1/models/plain":
                self.v1(openai[0])
            case _:
                self.whole(b"404 page not found", "text/plain", 404)

    do_HEAD = do_GET

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = asked.get("model") or asked.get("name")
        path = self.path
        if model in REFUSALS and not (model == "embedder" and "embed" in path):
            return self.refuse(*REFUSALS[model])
        match path:
            case "/api/generate" | "/api/chat":
                answer = Ollama(model, self.script(model, asked), path == "/api/chat")
                if asked.get("stream", True):
                    self.stream(answer, "application/x-ndjson")
                else:
                    self.whole(answer.whole(), "application/json; charset=utf-8")
            case "/v1/completions" | "/v1/chat/completions":
                usage = (asked.get("stream_options") or {}).get("include_usage")
                answer = OpenAI(model, self.script(model, asked), "chat" in path, usage)
                if asked.get("stream"):
                    self.stream(answer, "text/event-stream")
                else:
                    self.whole(answer.whole(), "application/json")
            case "/api/embed":
                self.api({"model": model, "embeddings": vectors(asked), "total_duration": 5_000_000,
                          "load_duration": 1_000_000, "prompt_eval_count": 4})
            case "/api/embeddings":
                self.api({"embedding": VECTORS[asked["prompt"]]})
            case "/v1/embeddings":
                form = packed if asked.get("encoding_format") == "base64" else list
                data = [{"object": "embedding", "embedding": form(vector), "index": index}
                        for index, vector in enumerate(vectors(asked))]
                self.v1({"object": "list", "data": data, "model": model,
                         "usage": {"prompt_tokens": 4, "total_tokens": 4}})
            case "/api/show":
                able = ["completion", "tools"] if model == "tools" else ["completion"]
                self.api({"license": "MIT", "modelfile": "FROM plain", "parameters": "seed 1",
                          "template": "{{ .Tools }}" if model == "tools" else "{{ .Prompt }}",
                          "details": details(),
                          "model_info": {"general.architecture": "scripted"},
                          "capabilities": able, "modified_at": CREATED})
            case _:
                self.whole(b"404 page not found", "text/plain", 404)

    def script(self, model, asked):
        if model == "counting":
            count = self.server.counted()
            return Script([self.server.name, f" says {count}"])
        if any(message["role"] == "tool" for message in asked.get("messages", [])):
            return AFTER_THE_TOOL
        return SCRIPTS[model]

    def refuse(self, status, text):
        if not self.path.startswith("/v1/"):
            return self.api({"error": text}, status)
        kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
        self.v1({"error": {"message": text, "type": kind, "param": None, "code": None}}, status)

    def api(self, value, status=200):
        self.whole(go_json(value), "application/json; charset=utf-8", status)

    def v1(self, value, status=200):
        self.whole(go_json(value) + b"\n", "application/json", status)

    def whole(self, body, content_type, status=200):
        chunked = len(body) > 2048
        self.head(status, content_type, None if chunked else len(body))
        if self.command == "HEAD":
            return
        if chunked:
            self.chunk(body)
            self.chunk(b"")
        else:
            self.wfile.write(body)

    def stream(self, answer, content_type):
        script = answer.script
        self.close_connection = script.slow     # its time limit is not for another request
        self.head(200, content_type)
        for data in answer.stream():
            for part in cut_inside_of_a_character(data) if script.cut else [data]:
                self.chunk(part)
                if not script.slow:
                    time.sleep(BETWEEN_CHUNKS)
                elif self.hangs_up():
                    return
        self.chunk(b"")

    def hangs_up(self):
        """Whether the client does, before the next token is due."""
        self.connection.settimeout(BETWEEN_TOKENS)
        try:
            return self.connection.recv(1) == b""
        except TimeoutError:
            return False

    def head(self, status, content_type, length=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *_):
        pass


def details():
    return {"parent_model": "", "format": "gguf", "family": "scripted", "families": ["scripted"],
            "parameter_size": "1M", "quantization_level": "Q4_0"}


def vectors(asked):
    inputs = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    return [VECTORS[text] for text in inputs]


def packed(vector):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


class Server(ThreadingHTTPServer):
    """Listens while it is a context. `name` is what the model `counting` says of it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.name = name
        self.counter, self.lock = itertools.count(1), threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def counted(self):
        with self.lock:
            return next(self.counter)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that left is no news; anything else is a mistake in this file."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    port = int(sys.argv[1]) if sys.argv[1:] else 0
    server = Server("server", port)
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
