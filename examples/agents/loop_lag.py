"""How late an event loop is: the time from a callback's being ready to its running, every 10 ms."""

import json
import threading
import time

INTERVAL_S = 0.010


class LoopLag:
    """Asks a loop for callbacks, from a thread of its own, and keeps how late each of them ran."""

    def __init__(self, loop):
        self.loop, self.lags, self.over = loop, [], threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(INTERVAL_S):
            self.loop.call_soon_threadsafe(self.ran, time.perf_counter_ns())

    def ran(self, ready_ns):
        self.lags.append((ready_ns, time.perf_counter_ns() - ready_ns))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()

    def samples(self, session_ns):
        """The recorder's lines; `session_ns` is what its clock read when this process's read 0."""
        lines = ({"source": "agents", "metric": "loop_lag_ms", "value": lag_ns / 1e6, "t_ns": session_ns + ready_ns}
                 for ready_ns, lag_ns in self.lags)
        return "\n".join(map(json.dumps, lines))
