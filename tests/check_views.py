"""Holds every view of queries/views against the same figures worked out in plain Python.

    check_views.py TOKENTAPE [QUERIES]

Makes up traces with every oddity the format allows, asks the program TOKENTAPE for each view of
them, and compares all rows and columns: whole numbers, strings and nulls exactly, floats within
1e-9 of their value, percentiles within 1e-12 of numpy's. Where the SQL uses arithmetic, the Python
lays intervals on a time line. The labels in the questions `timeline` and `time_budget` are checked
too, and the two identities of the time budget. With QUERIES, the program looks for SQL there first.

Prints a line a view, with its rows and the largest relative difference, then `ok`, and exits 0;
else says what differs, a sentence each, and exits 1. Needs numpy and pyarrow.
"""

import json
import math
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MS, SECOND = 10**6, 10**9
TABLES = ("runs", "requests", "chunks", "events", "samples")
DURATIONS = ("total_duration_ns", "load_duration_ns", "prompt_eval_duration_ns", "eval_duration_ns")
PLAN = ("scenario", "model", "runtime", "topology", "config")
RUN = ("session_id", "run_id")
REQUEST = (*RUN, "request_id")
AGENT = (*RUN, "agent")
VIEWS = dict(   # with the columns that tell their rows apart
    exchanges=REQUEST, content_events=(*REQUEST, "seq"), icl=(*REQUEST, "seq"),
    request_times=REQUEST, request_metrics=REQUEST, in_flight=REQUEST, request_steps=REQUEST,
    agent_runs=AGENT, run_metrics=RUN,
    time_budget=(*AGENT, "part"), run_labels=RUN, loop_lag_windows=(*RUN, "second"),
    efficiencies=(*RUN, "rule"), configurations=PLAN)
QUESTIONS = dict(timeline=("run", "agent", "kind"), time_budget=("panel", "bar", "part"))
PARTS = ("stagger", "client", "transport", "queue", "load", "prompt", "decode", "tail")
IMPORTED = "0190c0de-0000-7000-8000-00000000000d"   # of a session that another tool measured
# scipy.stats.t.ppf(0.975, df) for df from 1 to 40
STUDENT = (12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.7764451051977934,
           2.5705818356363146, 2.4469118511449786, 2.364624251592784, 2.306004135204166,
           2.262157162798205, 2.228138851986274, 2.200985160091639, 2.1788128296672284,
           2.1603686564627913, 2.144786687917804, 2.131449545559776, 2.1199052992212546,
           2.1098155778333156, 2.1009220402410382, 2.0930240544083087, 2.085963447265864,
           2.0796138447276795, 2.0738730679040254, 2.0686576104190486, 2.0638985616280245,
           2.0595385527532972, 2.0555294386428735, 2.0518305164802846, 2.0484071417952454,
           2.045229642132703, 2.0422724563012378, 2.039513446396408, 2.0369333434601016,
           2.0345152974493383, 2.0322445093177186, 2.030107928250343, 2.0280940009804502,
           2.0261924630291093, 2.0243941639119694, 2.022690920036761, 2.021075390306273)
GENERATING = ("ollama.generate", "ollama.chat", "openai.chat", "openai.completions")

# ---------------------------------------------------------------- traces made up

chance = random.Random(1).randint


class Tape:
    """A made-up session. Its chunks stay empty: no view reads them."""

    def __init__(self, session_id, agents, runs):
        """`runs` are (run number, phase, columns of PLAN, what makes the requests)."""
        self.session_id, self.agents = session_id, agents
        self.rows = {table: [] for table in TABLES}
        now = 1_234
        for run_id, (run_number, phase, plan, ask) in enumerate(runs, 1):
            self.run_id = run_id
            self.rows["runs"].append(dict(
                session_id=session_id, run_id=run_id, run_number=run_number, phase=phase,
                start_ns=now, **dict(zip(PLAN, plan))))
            ask(self, now)
            for metric in "loop_lag_ms", "cpu_percent":
                self.rows["samples"] += [
                    dict(session_id=session_id, run_id=run_id, source="agent", metric=metric,
                         t_ns=now + n * 300 * MS, value=chance(0, 90) / 10 if n % 4 else None)
                    for n in range(chance(0, 9))]
            now = max([now, *(request["end_ns"] or 0 for request in self.rows["requests"])])
            now += chance(1, 50 * MS)

    def request(self, agent, start, dialect="ollama.chat", wait=200 * MS, tokens=20, per_chunk=1,
                says="all", outcome="complete", trailing=3 * MS, **columns):
        """An exchange with content after `wait`, then about every 10 ms; returns its end.
        Columns given replace those made up; their times are counted from the start."""
        contents = -(-tokens // per_chunk)
        # Sometimes two pieces of content come in one chunk.
        gaps = (0 if n % 6 == 5 else chance(0, 20 * MS) for n in range(contents - 1))
        times = list(accumulate(gaps, initial=start + wait))[:contents]
        end = (times[-1] if times else start + wait) + trailing
        key = dict(session_id=self.session_id, run_id=self.run_id, agent=agent,
                   request_id=len(self.rows["requests"]) + 1)
        self.rows["requests"].append(key | dict(
            dialect=dialect, method="POST", path="/x", endpoint="/x", model="m", stream=True,
            intended_ns=start - 1000 * chance(0, 3), start_ns=start, headers_ns=start + wait // 2,
            first_chunk_ns=times[0] if times else None,
            first_token_ns=times[0] if times else None, last_token_ns=times[-1] if times else None,
            end_ns=end, status=200, outcome=outcome,
            chunk_count=0, event_count=0, token_events=0, response_bytes=0,
        ) | server_report(says, end - start, wait, times, tokens) | {
            name: start + value if value is not None and name.endswith("_ns") else value
            for name, value in columns.items()})

        # An importer may know when content came, but not its words, or not even its events.
        words_known, events_known = key["request_id"] % 5 > 0, key["request_id"] % 11 > 0
        events = [("thinking" if n < 3 else "tool_call" if n == 7 else "token",
                   f" w{n}" if words_known else None, t_ns) for n, t_ns in enumerate(times)]
        if len(times) > 4:
            events.insert(5, ("comment", "keep-alive", times[4] + 1))
        if dialect.startswith("openai") and times:      # its first chunk only tells the role
            events.insert(0, ("token", "", times[0] - 1000))
        if outcome == "complete" and times:
            events.append(("done", ["", None, "stop"][len(times) % 3], end))
        if outcome == "error_event":
            events.append(("error", "it broke", end))
        self.rows["events"] += [
            key | dict(seq=seq, chunk_seq=seq, kind=kind, text=text, t_ns=t_ns)
            for seq, (kind, text, t_ns) in enumerate(events if events_known else [])]
        if events_known:
            self.rows["requests"][-1] |= dict(event_count=len(events), token_events=len(times))
        return end

    def write(self, folder, schemas):
        """The trace as a recorder seals it; its rows then have all columns."""
        folder.mkdir()
        files = []
        for table, schema in schemas.items():
            file, rows = folder / f"{table}.parquet", pa.Table.from_pylist(self.rows[table], schema)
            self.rows[table] = rows.to_pylist()
            pq.write_table(rows, file, compression="zstd")
            files.append(dict(name=file.name, rows=len(rows), bytes=file.stat().st_size,
                              blake3="not computed"))
        agents = [dict(name=agent, endpoint="http://127.0.0.1:11434", server_version=None)
                  for agent in self.agents]
        host = dict(os="linux", arch="x86_64", cpu_model=None, cores=None, memory_bytes=None)
        (folder / "session.json").write_text(json.dumps(dict(
            format_version=1, session_id=self.session_id, name=folder.name, duration_ns=0,
            started_at="2026-05-04T06:00:00.000000000Z", tool_version="0.1.0", host=host, labels={},
            agents=agents, status="imported" if self.session_id == IMPORTED else "sealed",
            clock="monotonic", lost_chunks=0, redacted=[], files=files)))


def server_report(says, flight, wait, times, tokens):
    """What the server reports of a request."""
    total, load, prompt = flight - 4 * MS - 1, 15 * MS + 3, int(wait * 0.6)
    decode = times[-1] - times[0] if times else 0
    return dict(zip(("eval_count", *DURATIONS), {
        "all": (tokens, total, load, prompt, decode),           # Ollama
        "no prompt": (tokens, total, None, None, decode),
        "no eval": (None, total, load, prompt, None),
        "timings": (tokens, None, None, prompt, decode),        # OpenAI's protocol on llama.cpp
        "usage": (tokens + 2,),
        "total only": (None, total),
        "total too long": (tokens, 3 * flight, flight, flight // 2, flight - flight // 3),
        "parts too long": (tokens, flight // 4, 0, 5, 2 * flight),
        "nothing": (),
    }[says]))


def alone(*agents, says="all"):
    """Well-behaved agents: each sends a probe, then requests one after the other, with pauses."""
    def ask(tape, start):
        for agent in agents:
            t = start + chance(0, 400 * MS)
            tape.request(agent, t, "other", tokens=0, wait=2 * MS, says="nothing")
            for _ in range(3):
                t = tape.request(agent, t + chance(1, 30 * MS), wait=chance(50, 900) * MS,
                                 tokens=chance(2, 60), says=says)
    return ask


def overlapping(tape, start):
    for agent in PAIR:
        for says in 3 * ("all", "total too long", "nothing", "timings", "parts too long"):
            tape.request(agent, start + chance(0, 1500) * MS, wait=chance(1, 600) * MS,
                         tokens=chance(1, 50), says=says)
        tape.request(agent, start + 100 * MS)       # two at the same instant, one in their midst
        end = tape.request(agent, start + 100 * MS, says="no prompt")
        tape.request(agent, start + 110 * MS, tokens=2, wait=1)
        tape.request(agent, end)                    # just when another ends


def asks(**of_agents):
    """Of each agent its requests: (seconds after the start, what is odd about it)."""
    def ask(tape, start):
        for agent, requests in of_agents.items():
            for seconds, oddity in requests:
                tape.request(agent, start + int(seconds * SECOND), **oddity)
    return ask


PAIR = ("collector", "insight")
ALL, SILENT, WHOLE = dict(says="all"), dict(says="nothing"), dict(per_chunk=50, stream=False)
OPENAI = dict(dialect="openai.chat", says="timings")
FAILED = SILENT | dict(tokens=0, outcome="error_status", status=503)
HANGS = SILENT | dict(tokens=0, outcome="timeout", end_ns=None)
UNSENT = SILENT | dict(tokens=0, outcome="connect_failed") | dict.fromkeys((
    "model", "stream", "intended_ns", "start_ns", "headers_ns", "end_ns", "status"))
INSTANT = SILENT | dict(tokens=1, wait=0, trailing=0)
ODDITIES = (
    asks(collector=[(0, OPENAI | dict(per_chunk=3)), (1, ALL | WHOLE),
                    (2, dict(dialect="openai.completions", says="usage"))],
         insight=[(0, OPENAI | dict(tokens=40)), (3, OPENAI | dict(wait=4 * SECOND))]),
    asks(collector=[(0, OPENAI | SILENT)],
         insight=[(0.1, OPENAI | SILENT | dict(tokens=1)), (3, OPENAI | SILENT | WHOLE)]),
    asks(collector=[(0, FAILED), (1, ALL), (2, SILENT | dict(outcome="truncated", end_ns=None))],
         insight=[(0.1, ALL), (1, UNSENT | dict(end_ns=10)),
                  (2, SILENT | dict(outcome="error_event")), (3, HANGS),
                  (4, HANGS | dict(first_chunk_ns=SECOND)), (6, HANGS | dict(headers_ns=None)),
                  (8, FAILED | dict(end_ns=-SECOND)),       # refused before it was sent whole
                  (9, dict(tokens=0))]),
    asks(collector=[(0, FAILED), (1, ALL)], insight=[(0, ALL)]),
    asks(collector=[(0, dict(says="total too long")), (1, dict(says="parts too long"))],
         insight=[(0, dict(says="total only")), (2, dict(says="total only", tokens=0)),
                  (3, dict(says="total only", end_ns=None))]),
    asks(collector=[(0, dict(says="no prompt"))], insight=[(0, dict(says="no eval"))]),
    asks(collector=[(0, INSTANT)], insight=[(0, INSTANT)]),     # a run that takes no time
    asks(collector=[(0, ALL)], insight=[(0, UNSENT)]),
    asks(insight=[(0, UNSENT)]),
    asks(collector=[(0, ALL)], insight=[(0.3, SILENT)], critic=[(0.1, ALL)]),   # not declared
    asks(collector=[(0, SILENT | dict(dialect="other", tokens=0)),
                    (1, dict(dialect="ollama.embed", tokens=0))],
         insight=[(1, SILENT | dict(dialect="anthropic.messages"))]),
    asks(), alone("insight", says="no prompt"), *12 * [overlapping])

PLANS = ("homo", "llama", "python", "dual", "ctx512"), ("odd", None, "rust", "single", None)
ODD = [
    *((1, "solo", PLANS[1], alone(agent, says="timings")) for agent in PAIR),
    *((number, "concurrent", PLANS[1], oddity) for number, oddity in enumerate(ODDITIES, 1))]
EVERYDAY = [    # of one plan, and of plans that differ from it in one column
    (run_number, phase, PLANS[0][:column] + PLANS[1][column:last] + PLANS[0][last:], alone(*agents))
    for column, last in ((0, 0), (0, 1), (1, 2), (2, 3), (3, 4), (4, 5))
    for phase, run_numbers, agents in (
        ("warmup", [1], PAIR), ("failed", [2], PAIR), ("concurrent", [1, 2], PAIR), ("solo", [1, 2], PAIR[:1]),
        ("solo", [1, 2], PAIR[1:]))
    for run_number in run_numbers]
PLAIN = [(run_number, "concurrent", PLANS[0], alone(*PAIR)) for run_number in (1, 2)]
UNPLANNED = [(1, "concurrent", len(PLAN) * [None], alone(*PAIR))]


def collections():
    """Traces that are queried together: several sessions, not in their order; one; none."""
    a, b, c = (f"0190c0de-0000-7000-8000-00000000000{last}" for last in "abc")
    return [[Tape(c, PAIR[::-1], ODD), Tape(b, PAIR[::-1], EVERYDAY), Tape(a, PAIR, EVERYDAY)],
            [Tape(b, PAIR, UNPLANNED), Tape(a, PAIR, [])], [Tape(a, PAIR, PLAIN)],
            [Tape(a, PAIR, [])], [Tape(IMPORTED, PAIR, ODD)]]


# ---------------------------------------------------------------- the views, in plain Python


def values(row, columns):
    return tuple(row[column] for column in columns)


def grouped(rows, columns):
    groups = defaultdict(list)
    for row in rows:
        groups[values(row, columns)].append(row)
    return groups


def nulls_last(*columns):
    return lambda row: [(row[column] is None, row[column] or 0) for column in columns]


def having(rows, column):
    return [row for row in rows if row[column] is not None]


def known(rows, column):
    return [row[column] for row in having(rows, column)]


def total(rows, column):
    return sum(known(rows, column)) if known(rows, column) else None


def mean(rows, column):
    return ratio(total(rows, column), len(known(rows, column)))


def minus(a, b):
    return None if a is None or b is None else a - b


def ratio(a, b):
    return None if a is None or not b else a / b


def in_ms(ns):
    return ratio(ns, MS)


def expected_content_events(events):
    rows = []
    for of_request in grouped(events, REQUEST).values():
        before = None
        for event in of_request:
            if event["kind"] in ("token", "thinking", "tool_call") and event["text"] != "":
                gap = minus(event["t_ns"], before)
                rows.append(event | dict(gap_ns=gap, icl_ns=gap, icl_ms=in_ms(gap)))
                before = event["t_ns"]
    return rows


def expected_request(request, run, agent_index, content):
    """All columns of exchanges and request_metrics."""
    times, gaps = known(content, "t_ns"), known(content, "gap_ns")
    first, last = (times[0], times[-1]) if times else values(
        request, ("first_token_ns", "last_token_ns"))
    start, (whole, load, prompt, decode) = request["start_ns"], values(request, DURATIONS)
    signs_of_life = [sign for sign in values(request, (
        "end_ns", "last_token_ns", "first_chunk_ns", "headers_ns")) if sign is not None]
    until = None if start is None else max([start, *signs_of_life[:1]])
    computed = None if prompt is None and decode is None else (prompt or 0) + (decode or 0)
    queued = minus(minus(whole, load or 0), computed)
    generates = request["dialect"] in GENERATING
    # An import may lack what came, unless the server refused.
    silent = request["outcome"] != "complete" and first is None and (
        request["session_id"] != IMPORTED
        or request["outcome"] in ("error_status", "connect_failed"))
    heard = times or generates and (request["event_count"] or silent)
    content_events = len(times) if heard else None
    tokens, source = request["eval_count"], "server"
    if tokens is None and generates:
        tokens, source = content_events, "events" if heard else None
    elif tokens is None:
        source = None
    decode_ms = in_ms(minus(last, first))
    intervals = tokens - 1 if len(times) > 1 and tokens is not None and tokens > 1 else None
    return run | request | {
        f"icl_p{p}_ms": float(np.percentile(gaps, p)) / MS if gaps else None for p in (50, 90, 99)
    } | dict(
        model=run["model"], request_model=request["model"], agent_index=agent_index,
        generates=generates, until_ns=until, computed_ns=computed, queued_ns=queued,
        content_events=content_events,
        first_content_ns=first, last_content_ns=last,
        ttft_ms=in_ms(minus(first, start)), latency_ms=in_ms(minus(last, start)),
        decode_ms=decode_ms, icl_n=len(gaps) if heard else None,
        icl_max_ms=in_ms(max(gaps, default=None)), icl_mean_ms=in_ms(mean(content, "gap_ns")),
        itl_ms=ratio(decode_ms, intervals), tpot_ms=ratio(decode_ms, intervals),
        intervals=intervals, output_tokens=tokens, output_tokens_source=source,
        tokens_per_chunk=ratio(tokens, len(times)),
        throughput_tps=ratio(tokens, ratio(decode_ms, 1e3)),
        server_throughput_tps=ratio(request["eval_count"], ratio(decode, SECOND)),
        load_ms=in_ms(load), prompt_eval_ms=in_ms(prompt), eval_ms=in_ms(decode),
        server_total_ms=in_ms(whole), queue_ms=in_ms(queued),
        transport_ms=in_ms(minus(minus(until, start), whole)),
        schedule_delay_ms=in_ms(minus(start, request["intended_ns"])))


def flights(requests):
    return [values(request, ("start_ns", "until_ns")) for request in having(requests, "start_ns")]


def union(intervals):
    length, reached = 0, -math.inf
    for start, until in sorted(intervals):
        length += max(0, until - max(start, reached))
        reached = max(reached, until)
    return length


def expected_in_flight(requests):
    """What a request holds is by how much it lengthens the union of those before it."""
    rows = []
    for of_agent in grouped((row for row in requests if row["generates"]), AGENT).values():
        of_agent.sort(key=nulls_last("start_ns", "request_id"))
        for place, request in enumerate(of_agent):
            before, now = flights(of_agent[:place]), flights(of_agent[:place + 1])
            rows.append(request | dict(
                held_ns=union(now) - union(before),
                covered_until_ns=max((until for _, until in before), default=None)))
    return rows


def expected_agent_runs(in_flight):
    of_run, rows = grouped(in_flight, RUN), []
    for requests in grouped(in_flight, AGENT).values():
        sent, of_all = flights(requests), flights(of_run[values(requests[0], RUN)])
        run_start = min((start for start, _ in of_all), default=None)
        run_until = max((until for _, until in of_all), default=None)
        start = min((start for start, _ in sent), default=None)
        until = max((until for _, until in sent), default=None)
        busy, server = union(sent), total(requests, "computed_ns")
        if any(row["first_content_ns"] is not None and row["computed_ns"] is None for row in requests):
            server = None
        paced, seen, served = (having(requests, column) for column in (
            "itl_ms", "throughput_tps", "server_throughput_tps"))
        decode, intervals = total(paced, "decode_ms"), total(paced, "intervals")
        rows.append(requests[0] | dict(     # with the columns of its run
            requests=len(requests), span_ms=in_ms(minus(until, start)), busy_ms=in_ms(busy),
            server_ms=in_ms(server), output_tokens=total(requests, "output_tokens"),
            throughput_tps=ratio(total(seen, "output_tokens"),
                                 ratio(total(seen, "decode_ms"), 1e3)),
            server_throughput_tps=ratio(total(served, "eval_count"),
                                        ratio(total(served, "eval_duration_ns"), SECOND)),
            ttft_ms=requests[0]["ttft_ms"], ttft_mean_ms=mean(requests, "ttft_ms"),
            ttft_max_ms=max(known(requests, "ttft_ms"), default=None),
            ttft_n=len(known(requests, "ttft_ms")), itl_ms=ratio(decode, intervals),
            itl_decode_ms=decode, itl_intervals=intervals,
            start_ns=start, until_ns=until, busy_ns=busy, server_ns=server,
            wall_ns=minus(run_until, run_start),
            stagger_ns=minus(start if sent else run_until, run_start),
            client_ns=until - start - busy if sent else 0,
            tail_ns=minus(run_until, until if sent else run_until)))
    for row in rows:
        solo = [other for other in rows if other["phase"] == "solo"
                and values(other, ("agent", *PLAN)) == values(row, ("agent", *PLAN))]
        solo_itl = ratio(total(solo, "itl_decode_ms"), total(solo, "itl_intervals"))
        row |= dict(
            solo_ms=mean(solo, "span_ms"), solo_n=len(known(solo, "span_ms")), solo_itl_ms=solo_itl,
            slowdown=ratio(row["itl_ms"], solo_itl) if row["phase"] == "concurrent" else None)
    return rows


def expected_run(run, agents):
    """A row of run_metrics, of the run's agents in their order."""
    wall = in_ms(agents[0]["wall_ns"]) if agents else None
    row = run | dict(agents=len(agents), wall_ms=wall)
    for rule in ("span", "server", "solo"):
        part, complete = f"{rule}_ms", len(known(agents, f"{rule}_ms")) == len(agents)
        sequential = total(agents, part) if complete else None
        speedup = ratio(sequential, wall)
        row |= {f"sequential_{rule}_ms": sequential, f"speedup_{rule}": speedup,
                f"efficiency_{rule}_percent": ratio(speedup, len(agents) / 100)}
    several, speedup = len(agents) > 1, row["speedup_span"]
    ttfts = known(agents, "ttft_max_ms")
    server, client, ttft = (
        minus(agents[1][figure], agents[0][figure]) if several else None
        for figure in ("server_throughput_tps", "throughput_tps", "ttft_ms"))
    return row | dict(
        efficiency_percent=row["efficiency_span_percent"], ttft_delta_ms=ttft,
        throughput_delta_tps=client if server is None else server,
        contention_speedup=speedup < 1.5 if several and speedup is not None else None,
        contention_ttft=max(ttfts) > 3000 if several and ttfts else None)


def expected_configuration(plan, runs, agents_of):
    """A row of configurations: means over its concurrent runs, and half of their intervals."""
    row = dict(zip(PLAN, plan)) | dict(n=len(runs))
    slowed = [[agent["slowdown"] for agent in agents_of[values(run, RUN)]] + [None, None] for run in runs]
    figures = dict(
        wall=("wall_ms", known(runs, "wall_ms")),
        first=("first_slowdown", [slow[0] for slow in slowed if slow[0] is not None]),
        second=("second_slowdown", [slow[1] for slow in slowed if slow[1] is not None]),
        **{rule: (f"{rule}_percent", known(runs, f"efficiency_{rule}_percent"))
           for rule in ("span", "server", "solo")})
    for name, (column, figures_of) in figures.items():
        row[column] = float(np.mean(figures_of)) if figures_of else None
        several = len(figures_of) > 1
        row[f"{name}_pm"] = (
            STUDENT[len(figures_of) - 2] * float(np.std(figures_of, ddof=1)) / math.sqrt(len(figures_of))
            if several else None)
    return row


def steps(request):
    """The steps of a request and how long each took, from the last to the first."""
    if request["computed_ns"] is not None:
        yield "decode", request["eval_duration_ns"]
        yield "prompt", request["prompt_eval_duration_ns"]
        if request["queued_ns"] is not None:
            yield "queue", request["queued_ns"]
        yield "load", request["load_duration_ns"]
    elif request["first_content_ns"] is not None:
        yield "decode", request["until_ns"] - request["first_content_ns"]
        yield "prompt", request["first_content_ns"] - request["start_ns"]


def expected_steps(request):
    took = {step: max(0, duration or 0) for step, duration in steps(request)}
    return request | {column: took.get(step, 0) for column, step in (
        ("eval_ns", "decode"), ("prompt_eval_ns", "prompt"), ("waited_ns", "queue"), ("loaded_ns", "load"))}


def expected_parts(agent, requests):
    """An agent's rows of time_budget: lays the steps of each request on the time line, back from
    its end. Of them counts what lies in the share that the request holds; the rest of the share
    is transport."""
    ns = Counter({part: agent[f"{part}_ns"] for part in ("stagger", "client", "tail")})
    clocks = set()
    for part, told in ("queue", "queued_ns"), ("load", "load_duration_ns"):
        if not having(having(requests, "computed_ns"), told):
            ns[part] = None
    for request in having(requests, "start_ns"):
        edge, held_from = request["until_ns"], request["until_ns"] - request["held_ns"]
        for part, duration in steps(request):
            step_from = edge - max(0, duration or 0)
            if ns[part] is not None:
                ns[part] += max(0, edge - max(step_from, held_from))
            edge = step_from
            clocks.add("client" if request["computed_ns"] is None else
                       "server" if request["queued_ns"] is not None else "server, no total")
        ns["transport"] += max(0, edge - held_from)
    return [agent | dict(
        part=part, part_order=order, ns=ns[part], ms=in_ms(ns[part]),
        percent=None if ns[part] is None else ratio(100 * ns[part], agent["wall_ns"]),
        source=max(clocks, default="client", key=["server", "server, no total", "client"].index),
    ) for order, part in enumerate(PARTS, 1)]


def expected_run_labels(runs):
    sessions = sorted({run["session_id"] for run in runs})
    telling = [column for column in PLAN if len({run[column] for run in runs}) > 1]
    rows = []
    for run in runs:
        session = f"session {sessions.index(run['session_id']) + 1}" if sessions[1:] else None
        words = [word for word in (*values(run, telling), session) if word]
        rows.append(run | dict(
            configuration=" · ".join(words),
            label=" · ".join((f"run {run['run_number']}", *words))))
    return rows


def expected_loop_lag_windows(runs, samples, content_events):
    """A row a second of a run in which lag was sampled."""
    start = {values(run, RUN): run["start_ns"] for run in runs}

    def second(row):
        return *values(row, RUN), (row["t_ns"] - start[values(row, RUN)]) // SECOND

    lags, came = defaultdict(list), Counter(second(event) for event in content_events)
    for sample in having(samples, "value"):
        if sample["metric"] == "loop_lag_ms":
            lags[second(sample)].append(sample["value"])
    return [dict(
        zip((*RUN, "second"), key), events_per_s=came[key], lag_n=len(lag),
        lag_mean_ms=sum(lag) / len(lag), lag_p99_ms=float(np.percentile(lag, 99)),
        lag_max_ms=max(lag)) for key, lag in lags.items()]


def expectations(tapes):
    """The rows of each view, which may have more columns; the labels that each question gives."""
    runs, requests, events, samples = (
        [row for tape in tapes for row in tape.rows[table]]
        for table in ("runs", "requests", "events", "samples"))
    run_of = {values(run, RUN): run for run in runs}
    agent_index = {(tape.session_id, agent): index for tape in tapes
                   for index, agent in enumerate(tape.agents)}
    content_events = expected_content_events(events)
    content_of = grouped(content_events, REQUEST)
    requests = [expected_request(
        request, run_of[values(request, RUN)],
        agent_index.get((request["session_id"], request["agent"])),
        content_of[values(request, REQUEST)]) for request in requests]
    in_flight = expected_in_flight(requests)
    requests_of = grouped(in_flight, AGENT)
    agent_runs = expected_agent_runs(in_flight)
    agents_of = grouped(sorted(agent_runs, key=nulls_last("agent_index", "agent")), RUN)
    time_budget = [part for agent in having(agent_runs, "wall_ns")
                   for part in expected_parts(agent, requests_of[values(agent, AGENT)])]
    run_labels = expected_run_labels(runs)
    label = {values(run, RUN): run["label"] for run in run_labels}
    run_metrics = [expected_run(run, agents_of[values(run, RUN)]) for run in runs]
    views = dict(
        exchanges=requests, request_times=requests, request_metrics=requests, in_flight=in_flight,
        request_steps=[expected_steps(request) for request in in_flight], agent_runs=agent_runs,
        loop_lag_windows=expected_loop_lag_windows(runs, samples, content_events),
        content_events=content_events, icl=having(content_events, "gap_ns"),
        run_metrics=run_metrics,
        configurations=[
            expected_configuration(plan, runs_of, agents_of) for plan, runs_of in grouped(
                [run for run in run_metrics if run["phase"] == "concurrent"], PLAN).items()],
        efficiencies=[run | dict(
            rule=rule, rule_order=order, percent=run.get(f"efficiency_{rule}_percent"),
            speedup=run.get(f"speedup_{rule}"))     # nothing here was published
            for run in run_metrics
            for order, rule in enumerate(("published", "span", "server", "solo"), 1)],
        time_budget=time_budget, run_labels=run_labels)
    concurrent = [request for request in having(in_flight, "start_ns")
                  if request["phase"] == "concurrent"]
    drawn = sorted({values(request, RUN) for request in concurrent})[:20]
    labels = dict(
        timeline=Counter(
            (label[values(request, RUN)], request["agent"], kind)
            for request in concurrent if values(request, RUN) in drawn
            for kind in ["request", *["prompt"][:request["first_content_ns"] is not None],
                         *["token"] * (request["content_events"] or 0)]),
        time_budget=Counter(
            (part["phase"], f"{label[values(part, RUN)]} · {part['agent']}", part["part"])
            for part in time_budget if part["phase"] in ("concurrent", "solo")))
    return views, labels


# ---------------------------------------------------------------- asking and comparing


class Program:
    """The program under test."""

    def __init__(self, executable, queries=None):
        self.command = [Path(executable).resolve(), "sql"]
        if queries:
            self.command += ["--queries", queries]

    def run(self, folders, *arguments):
        done = subprocess.run([*self.command, *arguments, *map(str, folders)],
                              capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            sys.exit(f"`sql {' '.join(arguments)}` fails: {done.stderr.strip()}")
        return done.stdout

    def ask(self, folders, *question):
        answer = self.run(folders, *question, "--format", "ndjson")
        return [json.loads(line) for line in answer.splitlines()]

    def schema(self, folder, table):
        """A table's schema, as the program has it; `folder` is a trace without tables."""
        file = folder / "schema.parquet"
        self.run([folder], "-c", f"select * from {table}", "--format", "parquet", "-o", str(file))
        return pq.read_schema(file)


class Report:
    """What was compared under a name: how many rows, the largest difference, what is wrong."""

    def __init__(self, name):
        self.name, self.rows, self.largest, self.faults = name, 0, 0.0, []

    def fault(self, text):
        self.faults.append(f"{self.name}: {text}.")

    def compare(self, found, expected, key):
        """Rows against rows, told apart by the columns of `key`."""
        self.rows += len(found)
        found_by, expected_by = ({tuple(map(row.get, key)): row for row in rows}
                                 for rows in (found, expected))
        if len(found_by) < len(found):
            self.fault(f"{len(found) - len(found_by)} rows come twice")
        for place in found_by.keys() ^ expected_by.keys():
            self.fault(f"{place} is {'missing' if place in expected_by else 'unexpected'}")
        for place in found_by.keys() & expected_by.keys():
            for column, value in found_by[place].items():
                self.compare_value(f"{column} of {place}", value,
                                   expected_by[place].get(column, "a column without a meaning"),
                                   1e-12 if column.startswith("icl_p") else 1e-9)

    def compare_value(self, name, found, expected, tolerance=1e-9):
        """Floats relative to their size, all else exactly, with its type."""
        if isinstance(found, float) and isinstance(expected, float):
            off = abs(found - expected) / (abs(expected) or 1e-300)
            self.largest, wrong = max(self.largest, off), off > tolerance
        else:
            wrong = type(found) is not type(expected) or found != expected
        if wrong:
            self.fault(f"{name} is {found!r}, not {expected!r}")

    def close(self, shown=5):
        """Prints the line, or what is wrong; says whether all is well."""
        if not self.faults:
            print(f"{self.name}: {self.rows} rows, largest difference {self.largest:.2g}")
        for fault in sorted(self.faults)[:shown]:
            print(fault, file=sys.stderr)
        if len(self.faults) > shown:
            print(f"{self.name}: {len(self.faults) - shown} more differ.", file=sys.stderr)
        return not self.faults


def check_finite(report, program, folders, view, found, expected):
    """No figure may be infinite or NaN, which NDJSON does not tell from null."""
    floats = {name for row in expected for name in row if isinstance(row[name], float)}
    counts = [f"count(*) filter (where {name} - {name} <> 0) as {name}"
              for name in floats & dict(*found[:1]).keys()]
    for row in program.ask(folders, "-c", f"select {', '.join(counts or '0')} from {view}"):
        for name, count in row.items():
            report.compare_value(f"the number of infinities and NaN in {name}", count, 0)


def check_identities(agent_runs, run_metrics, time_budget):
    """Of the program's own figures: what the budget loses is what the efficiencies lack."""
    whole, span, server = reports = [Report(name) for name in (
        "parts of the wall time", "100 % - efficiency_span", "100 % - efficiency_server")]
    parts_of, agents_of = grouped(time_budget, AGENT), grouped(agent_runs, RUN)
    for run in run_metrics:
        key, agents = values(run, RUN), agents_of[values(run, RUN)]
        steps_ns, percent = 0, Counter()
        for agent in having(agents, "wall_ns"):
            ns = Counter({part["part"]: part["ns"] or 0 for part in parts_of[values(agent, AGENT)]})
            whole.rows += len(ns)
            whole.compare_value(f"the sum of {dict(ns)}", sum(ns.values()), agent["wall_ns"])
            steps_ns += ns["prompt"] + ns["decode"]
            for part in parts_of[values(agent, AGENT)]:
                percent[part["part"]] += (part["percent"] or 0) / len(agents)
        # Where a server claims more than was in flight, its rule exceeds the steps.
        comparable = steps_ns == total(agents, "server_ns")
        for report, rule, kept in (
                (span, "span", PARTS[1:-1]), (server, "server", ("prompt", "decode"))):
            efficiency = run[f"efficiency_{rule}_percent"]
            if efficiency is not None and (comparable or report is span):
                lost = sum(percent[part] for part in PARTS if part not in kept)
                report.rows += 1
                report.compare_value(f"100 % - what is lost in {key}", 100 - lost, efficiency)
    for report in reports:
        if report.rows < 20:
            report.fault(f"only {report.rows} rows are there to hold it against")
    return reports


def check(program, scratch):
    views = {name: Report(name) for name in VIEWS}
    questions = {name: Report(f"-q {name}") for name in QUESTIONS}
    Tape("none", [], []).write(scratch / "none", {})
    schemas = {table: program.schema(scratch / "none", table) for table in TABLES}
    for view in program.ask([scratch / "none"], "-c", """
            select table_name as name from information_schema.tables where table_type = 'VIEW'
            and table_schema = 'trace'"""):
        if view["name"] not in views:
            views[view["name"]] = Report(view["name"])
            views[view["name"]].fault("nothing here says what this view should be")
    for number, tapes in enumerate(collections()):
        folders = [scratch / f"{number}-{place}" for place in range(len(tapes))]
        for tape, folder in zip(tapes, folders):
            tape.write(folder, schemas)
        expected, labels = expectations(tapes)
        found = {name: program.ask(folders, "-c", f"select * from {name}") for name in VIEWS}
        for name, key in VIEWS.items():
            views[name].compare(found[name], expected[name], key)
            if number == 0:
                check_finite(views[name], program, folders, name, found[name], expected[name])
        for name, columns in QUESTIONS.items():
            counts = Counter(values(row, columns) for row in program.ask(folders, "-q", name))
            questions[name].compare(*(
                [dict(label=label, rows=rows) for label, rows in counted.items()]
                for counted in (counts, labels[name])), ["label"])
        if number == 0:
            identities = check_identities(
                *(found[name] for name in ("agent_runs", "run_metrics", "time_budget")))
    return [*views.values(), *questions.values(), *identities]


def main(arguments):
    if len(arguments) not in (1, 2) or not Path(arguments[0]).is_file():
        print("usage: check_views.py TOKENTAPE [QUERIES]", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        reports = check(Program(*arguments), Path(scratch))
    well = all([report.close() for report in reports])
    if well:
        print("ok")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
