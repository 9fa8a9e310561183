"""Exports traces in every format, reads each back with other people's parsers, and compares what they
find with the traces' own Parquet tables.

    check_exports.py TOKENTAPE HAR_VALIDATOR TRACE...

HAR_VALIDATOR is the folder in which npm installed `har-validator`.

| format | read by |
|---|---|
| perfetto | perfetto's own protos |
| otlp | OpenTelemetry's own protos, from JSON |
| csv, ndjson | DuckDB and pandas |
| har | har-validator and haralyzer |

Prints `ok` and exits 0 if all agree; else says what differs, a sentence each, and exits 1.
"""

import base64
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pandas as pd
from google.protobuf import json_format
from google.protobuf.unknown_fields import UnknownFieldSet
from haralyzer import HarParser
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pf

TABLES = ["runs", "requests", "chunks", "events", "samples", "published"]
VIEWS = ["run_metrics", "request_metrics"]
OPERATIONS = {
    "ollama.chat": "chat", "openai.chat": "chat",
    "ollama.generate": "text_completion", "openai.completions": "text_completion",
    "ollama.embed": "embeddings", "openai.embeddings": "embeddings",
}


class Traces:
    """The Parquet tables of several traces, and what their manifests say."""

    def __init__(self, folders):
        self.folders = folders
        self.sessions = {}
        for folder in folders:
            manifest = json.loads((folder / "session.json").read_text(encoding="utf-8"))
            self.sessions[manifest["session_id"]] = manifest
        self.duck = duckdb.connect()
        for table in TABLES:
            files = [folder.resolve() / f"{table}.parquet" for folder in folders]
            # The rows of several traces are queried in the order of their paths.
            files = sorted(str(file) for file in files if file.exists())
            if files:
                self.duck.sql(f"create view {table} as select * from read_parquet({files!r})")

    def rows(self, sql):
        """The answer as dicts, nulls as None."""
        answer = self.duck.sql(sql)
        return [dict(zip(answer.columns, row)) for row in answer.fetchall()]

    def has(self, table):
        return bool(self.duck.sql(f"select 1 from duckdb_views() where view_name = '{table}'").fetchall())

    def start_ns(self, session_id):
        """The session's start in nanoseconds since 1970; 0 if it is not known."""
        told = self.sessions[session_id]["started_at"]
        if not told:
            return 0
        seconds, _, fraction = told.rstrip("Z").partition(".")
        moment = datetime.fromisoformat(seconds).replace(tzinfo=timezone.utc)
        return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0)


class Faults(list):
    """What differs, a sentence each."""

    def compare(self, what, found, expected):
        if found != expected:
            found, expected = (str(value)[:200] for value in (found, expected))
            self.append(f"{what}: found {found}, the tables say {expected}")


def export(tokentape, form, traces, *arguments):
    command = [tokentape, "export", "--format", form, *map(str, traces.folders), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def content(alias=""):
    """Whether an event carries content, as the views say it."""
    return f"{alias}kind in ('token', 'thinking', 'tool_call') and coalesce({alias}text, '?') <> ''"


def check_perfetto(tokentape, traces, faults):
    trace = pf.Trace()
    trace.ParseFromString(export(tokentape, "perfetto", traces))
    tracks, slices, counts, instants = {}, [], defaultdict(list), Counter()
    open_slices = defaultdict(list)
    events = []
    for place, packet in enumerate(trace.packet):
        unknown_fields(packet, faults)
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            if track.uuid in tracks:
                faults.append(f"perfetto: track {track.name} is declared twice")
            if track.parent_uuid and track.parent_uuid not in tracks:
                faults.append(f"perfetto: track {track.name} is declared before the one above it")
            tracks[track.uuid] = track
        elif packet.HasField("track_event"):
            if packet.track_event.track_uuid not in tracks:
                faults.append("perfetto: an event is on no track")
            events.append((packet.timestamp, place, packet.track_event))
    # As the trace processor does: all in order of time, those of one moment as they stand in the file.
    for at, _, event in sorted(events, key=lambda e: e[:2]):
        stack = open_slices[event.track_uuid]
        args = {}
        for note in event.debug_annotations:
            args[note.name] = getattr(note, note.WhichOneof("value"))
        if event.type == pf.TrackEvent.TYPE_SLICE_BEGIN:
            stack.append((at, event.name, event.categories[0], args))
        elif event.type == pf.TrackEvent.TYPE_SLICE_END:
            begun, name, category, args = stack.pop()
            above = stack[-1][3].get("request_id") if stack else None
            session = process_of(tracks, event.track_uuid)
            slices.append((session, tracks[event.track_uuid].name, category, name, begun, at, args, above, len(stack)))
        elif event.type == pf.TrackEvent.TYPE_INSTANT:
            session = process_of(tracks, event.track_uuid)
            # What carries no content may come while content is waited for.
            instants[session, stack[0][3]["request_id"] if stack else None, event.name] += 1
        else:
            counts[process_of(tracks, event.track_uuid), tracks[event.track_uuid].name].append(
                (at, event.double_counter_value))
    faults.compare("perfetto: slices left open", sum(map(len, open_slices.values())), 0)

    names = {manifest["name"]: session_id for session_id, manifest in traces.sessions.items()}
    start = {name: traces.start_ns(session_id) for name, session_id in names.items()}
    label = {session_id: name for name, session_id in names.items()}

    def of(category):
        return [s for s in slices if s[2] == category]

    faults.compare("perfetto: runs", sorted((s[0], s[6]["run_id"], s[6]["phase"], s[4]) for s in of("run")), sorted(
        (label[r["session_id"]], r["run_id"], r["phase"], start[label[r["session_id"]]] + r["start_ns"])
        for r in traces.rows("select * from runs")))
    requests = {(label[r["session_id"]], r["request_id"]): r for r in traces.rows("select * from requests")}
    faults.compare("perfetto: requests", len(of("request")), len(requests))
    for session, track, _, _, begun, ended, args, _, depth in of("request"):
        row = requests[session, args["request_id"]]
        where = f"perfetto: request {args['request_id']} of {session}"
        faults.compare(f"{where}, its track", track, row["agent"])
        faults.compare(f"{where}, its depth", depth, 0)
        if row["start_ns"] is not None:
            faults.compare(f"{where}, its start", begun, start[session] + row["start_ns"])
        if row["end_ns"] is not None:
            last = max(t for t in (row["end_ns"], row["last_token_ns"]) if t is not None)
            faults.compare(f"{where}, its end", ended, start[session] + last)
        for name in ("model", "outcome", "status", "prompt_eval_count", "eval_count", "stream", "error",
                     "load_duration_ns", "eval_duration_ns", "token_events", "done_reason"):
            faults.compare(f"{where}, its {name}", args.get(name), row[name])
    figures = {(s[0], f"request {s[6]['request_id']}"): s[6] for s in of("request")}
    for row in traces.rows("select * from samples where value is not null and source like 'request %'"):
        session = label[row["session_id"]]
        faults.compare(f"perfetto: {row['metric']} of {row['source']} of {session}",
                       figures[session, row["source"]].get(row["metric"]), row["value"])
    tokens = defaultdict(list)
    for session, _, _, name, begun, ended, args, above, depth in of("token"):
        faults.compare("perfetto: the depth of a token", depth, 1)
        tokens[session, above].append((begun, ended, args.get("text")))
    expected = defaultdict(list)
    for row in traces.rows(f"select session_id, request_id, t_ns, text from events where {content()} order by session_id, run_id, request_id, seq"):
        expected[label[row["session_id"]], row["request_id"]].append(row)
    for key, rows in expected.items():
        found = sorted(tokens[key], key=lambda token: token[1])
        where = f"perfetto: content of request {key[1]} of {key[0]}"
        faults.compare(f"{where}, its times", [t[1] for t in found], [start[key[0]] + r["t_ns"] for r in rows])
        faults.compare(f"{where}, its text", Counter(t[2] for t in found), Counter(r["text"] for r in rows))
        faults.compare(f"{where}, from its start to its last without a gap",
                       sum(t[1] - t[0] for t in found), found[-1][1] - found[0][0])
    others = traces.rows(f"select session_id, request_id, kind, count(*) as n from events where not ({content()}) group by all")
    faults.compare("perfetto: other events", dict(instants), {
        (label[r["session_id"]], r["request_id"], r["kind"]): r["n"] for r in others})
    expected = defaultdict(list)
    for row in traces.rows("select * from samples where value is not null order by session_id, t_ns"):
        if row["source"].startswith("request "):
            continue
        session = label[row["session_id"]]
        expected[session, f"{row['source']} {row['metric']}"].append((start[session] + row["t_ns"], row["value"]))
    faults.compare("perfetto: counters", {k: sorted(v) for k, v in counts.items()},
                   {k: sorted(v) for k, v in expected.items()})
    return f"{len(trace.packet)} packets, {len(tracks)} tracks, {len(slices)} slices, {sum(map(len, counts.values()))} samples"


def unknown_fields(message, faults):
    """Fields that the format does not have, at any depth."""
    for field in UnknownFieldSet(message):
        faults.append(f"perfetto: {message.DESCRIPTOR.name} has no field {field.field_number}")
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                unknown_fields(inner, faults)


def process_of(tracks, uuid):
    track = tracks[uuid]
    while track.parent_uuid:
        track = tracks[track.parent_uuid]
    return track.process.process_name


def check_otlp(tokentape, traces, faults):
    written = json.loads(export(tokentape, "otlp", traces))
    ids = []
    for resource in written["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                ids.append((span["traceId"], span["spanId"]))
                # The JSON of OTLP has ids in hexadecimal, that of protocol buffers bytes in base64.
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    request = json_format.Parse(json.dumps(written), ExportTraceServiceRequest())
    faults.compare("otlp: ids", len(set(ids)), len(ids))
    roots, children, runs = {}, [], 0
    for resource in request.resource_spans:
        of = {a.key: a.value.string_value for a in resource.resource.attributes}
        for span in resource.scope_spans[0].spans:
            attributes = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}
            faults.compare("otlp: the length of ids", (len(span.trace_id), len(span.span_id)), (16, 8))
            if not span.parent_span_id:
                roots[span.trace_id] = span.span_id
                runs += 1
            else:
                children.append((of, span, attributes))
    faults.compare("otlp: runs", runs, traces.rows("select count(*) as n from runs")[0]["n"])
    rows = {(r["session_id"], r["request_id"]): r for r in traces.rows("select * from requests")}
    faults.compare("otlp: requests", len(children), len(rows))
    for of, span, found in children:
        row = rows[of["service.instance.id"], found["tokentape.request_id"]]
        start = traces.start_ns(row["session_id"])
        where = f"otlp: request {row['request_id']} of {of['tokentape.session']}"
        faults.compare(f"{where}, its root", span.parent_span_id, roots.get(span.trace_id))
        faults.compare(f"{where}, its agent", of["service.name"], row["agent"])
        operation = OPERATIONS.get(row["dialect"])
        name = f"{operation} {row['model']}" if operation and row["model"] else operation or f"{row['method']} {row['endpoint']}"
        faults.compare(f"{where}, its name", span.name, name)
        if row["start_ns"] is not None:
            faults.compare(f"{where}, its start", span.start_time_unix_nano, start + row["start_ns"])
        if row["end_ns"] is not None and (row["last_token_ns"] or 0) <= row["end_ns"]:
            faults.compare(f"{where}, its end", span.end_time_unix_nano, start + row["end_ns"])
        first = [] if row["first_token_ns"] is None else [start + row["first_token_ns"]]
        faults.compare(f"{where}, its first token", [e.time_unix_nano for e in span.events], first)
        reasons = found.get("gen_ai.response.finish_reasons")
        reasons = reasons and [value.string_value for value in reasons.values]
        for what, value, expected in [
            ("operation", found.get("gen_ai.operation.name"), operation),
            ("model", found.get("gen_ai.request.model"), row["model"]),
            ("input tokens", found.get("gen_ai.usage.input_tokens"), row["prompt_eval_count"]),
            ("output tokens", found.get("gen_ai.usage.output_tokens"), row["eval_count"]),
            ("finish reasons", reasons, row["done_reason"] and [row["done_reason"]]),
            ("status", found.get("http.response.status_code"), row["status"]),
            ("error", "error.type" in found, row["outcome"] != "complete"),
            ("error status", span.status.code, 0 if row["outcome"] == "complete" else 2),
        ]:
            faults.compare(f"{where}, its {what}", value, expected)
    return f"{runs} root spans, {len(children)} below them"


def check_tables(tokentape, traces, faults, form, folder):
    export(tokentape, form, traces, "-o", str(folder))
    names = sorted(f"{name}.{form}" for name in TABLES + VIEWS)
    faults.compare(f"{form}: files", sorted(file.name for file in folder.iterdir()), names)
    reader = "read_csv('{}', header = true, all_varchar = true)" if form == "csv" else "read_json('{}', format = 'newline_delimited', sample_size = -1)"
    rows = 0
    for table in TABLES:
        file = folder / f"{table}.{form}"
        if not traces.has(table):
            faults.compare(f"{form}: {table}", len(file.read_text().splitlines()), int(form == "csv"))
            continue
        kinds = traces.duck.sql(f"describe {table}").fetchall()
        count = traces.rows(f"select count(*) as n from {table}")[0]["n"]
        rows += count
        if count == 0:
            faults.compare(f"{form}: {table}", len(file.read_text().splitlines()), int(form == "csv"))
            continue
        read = reader.format(file)
        # The members of a JSON object have no order.
        order = list if form == "csv" else sorted
        columns = traces.duck.sql(f"select * from {read} limit 0").columns
        faults.compare(f"{form}: columns of {table}", order(columns), order(k[0] for k in kinds))
        theirs, ours = [], []
        for name, kind, *_ in kinds:
            cell = f'"{name}"'
            if kind == "BLOB":
                # Every byte comes back, in its row.
                theirs.append(f"count(nullif({cell}::varchar, '')), md5(string_agg(coalesce(md5(from_base64({cell}::varchar)), ''), '|'))")
                ours.append(f"count(case when octet_length({cell}) > 0 then 1 end), md5(string_agg(coalesce(md5(nullif({cell}, ''::blob)), ''), '|'))" if form == "csv"
                            else f"count(case when octet_length({cell}) > 0 then 1 end), md5(string_agg(coalesce(md5({cell}), ''), '|'))")
            elif kind == "VARCHAR":
                theirs.append(f"count(nullif({cell}::varchar, '')), md5(string_agg(coalesce({cell}::varchar, ''), '|'))")
                ours.append(f"count(nullif({cell}, '')), md5(string_agg(coalesce({cell}, ''), '|'))")
            elif kind == "BOOLEAN":
                theirs.append(f"count({cell}), count_if({cell}::boolean)")
                ours.append(f"count({cell}), count_if({cell})")
            elif "TIME" in kind:
                theirs.append(f"count({cell}), epoch_us(max({cell}::timestamptz))")
                ours.append(f"count({cell}), epoch_us(max({cell}::timestamptz))")
            else:
                number = "double" if kind == "DOUBLE" else "hugeint"
                theirs.append(f"count({cell}), sum({cell}::{number})")
                ours.append(f"count({cell}), sum({cell}::{number})")
        traces.duck.sql("set preserve_insertion_order = true; set threads = 1")
        theirs = traces.duck.sql(f"select count(*), {', '.join(theirs)} from {read}").fetchall()
        ours = traces.duck.sql(f"select count(*), {', '.join(ours)} from {table}").fetchall()
        faults.compare(f"{form}: {table}", theirs, ours)
        frame = pd.read_csv(file, low_memory=False) if form == "csv" else pd.read_json(file, lines=True)
        faults.compare(f"{form}: rows of {table} in pandas", len(frame), count)
    for view in VIEWS:
        answer = subprocess.run([tokentape, "sql", *map(str, traces.folders), "-c", f"select * from {view}", "--format", "json"],
                                check=True, capture_output=True).stdout
        answer = json.loads(answer)
        file = folder / f"{view}.{form}"
        frame = pd.read_csv(file) if form == "csv" else pd.read_json(file, lines=True, dtype=False)
        faults.compare(f"{form}: rows of {view}", len(frame), len(answer))
        for name in frame.columns if answer else []:
            values = [row[name] for row in answer if isinstance(row[name], (int, float)) and not isinstance(row[name], bool)]
            if values and pd.api.types.is_numeric_dtype(frame[name].dtype) and frame[name].dtype != bool:
                found = frame[name].dropna()
                faults.compare(f"{form}: {name} of {view}, known", len(found), len(values))
                if abs(found.sum() - sum(values)) > 1e-9 * max(1, sum(map(abs, values))):
                    faults.append(f"{form}: {name} of {view} sums up to {found.sum()}, not {sum(values)}")
    return f"{rows} rows"


def check_har(tokentape, traces, faults, validator):
    archive = json.loads(export(tokentape, "har", traces))
    check_har_form(archive, validator, faults)
    parser = HarParser(archive)
    rows = {(r["session_id"], r["request_id"]): r for r in traces.rows("select * from requests")}
    chunks = defaultdict(list)
    for row in traces.rows("select session_id, request_id, t_ns, size, payload from chunks order by session_id, run_id, request_id, seq"):
        chunks[row["session_id"], row["request_id"]].append(row)
    found = 0
    for page in parser.pages:
        session_id = page.page_id.rsplit(" ", 1)[0]
        for entry in page.entries:
            found += 1
            raw = entry.raw_entry
            row = rows[session_id, raw["_tokentape"]["request_id"]]
            where = f"har: request {row['request_id']} of {traces.sessions[session_id]['name']}"
            faults.compare(f"{where}, its run", page.page_id, f"{session_id} {row['run_id']}")
            faults.compare(f"{where}, its status", entry.status, row["status"] or 0)
            faults.compare(f"{where}, its method", entry.request.method, row["method"])
            if not entry.request.url.endswith(row["path"]):
                faults.append(f"{where} has the URL {entry.request.url}")
            headers = [[h["name"], h["value"]] for h in entry.request.headers]
            faults.compare(f"{where}, its headers", headers, json.loads(row["request_headers"] or "[]"))
            body = raw["request"].get("postData", {}).get("text", "").encode()
            if raw["request"].get("postData", {}).get("_encoding") == "base64":
                body = base64.b64decode(body)
            faults.compare(f"{where}, its body", body, bytes(row["request_body"] or b""))
            own = chunks[session_id, row["request_id"]]
            blocked = raw["timings"]["blocked"]
            faults.compare(f"{where}, its chunks", [c["size"] for c in raw["_chunks"]], [c["size"] for c in own])
            if row["start_ns"] is not None:
                began = row["start_ns"] if blocked == -1 else row["intended_ns"]
                faults.compare(f"{where}, its chunks' times", [c["since_start_ns"] for c in raw["_chunks"]],
                               [c["t_ns"] - began for c in own])
                began = datetime.fromtimestamp((traces.start_ns(session_id) + began) // 1000 / 1e6, timezone.utc)
                if abs((entry.startTime - began).total_seconds()) > 2e-6:
                    faults.append(f"{where} begins at {entry.startTime}, the tables say {began}")
            answer = raw["response"]["content"].get("text", "").encode()
            if raw["response"]["content"].get("encoding") == "base64":
                answer = base64.b64decode(answer)
            packed = any(name.lower() == "content-encoding" for name, _ in json.loads(row["response_headers"] or "[]"))
            if not packed:
                faults.compare(f"{where}, its answer", answer, b"".join(bytes(c["payload"]) for c in own))
            answer_ns = next((row[n] for n in ("headers_ns", "first_chunk_ns", "first_token_ns") if row[n] is not None), None)
            for part, begin, end in [("wait", row["start_ns"], answer_ns), ("receive", answer_ns, row["end_ns"])]:
                expected = -1 if begin is None or end is None or end < begin else (end - begin) / 1e6
                faults.compare(f"{where}, its {part}", raw["timings"][part], expected)
            known = [t for t in raw["timings"].values() if t != -1]
            if known and abs(sum(known) - entry.time) > 1e-6:
                faults.append(f"{where} takes {entry.time} ms, its parts {sum(known)}")
    faults.compare("har: entries in pages", found, len(rows))
    return f"{len(parser.pages)} pages, {found} entries"


def check_har_form(archive, validator, faults):
    """Holds the archive against the schemas of HAR 1.2."""
    program = """require('har-validator').har(JSON.parse(require('fs').readFileSync(0)))
        .catch(error => { console.log(JSON.stringify(error.errors)); process.exit(1) })"""
    done = subprocess.run(["node", "-e", program], cwd=validator, input=json.dumps(archive).encode(), capture_output=True)
    if done.returncode != 0:
        faults.append(f"har: {(done.stdout or done.stderr).decode()[:300]}")


def main(arguments):
    if len(arguments) < 3:
        print("usage: check_exports.py TOKENTAPE HAR_VALIDATOR TRACE...", file=sys.stderr)
        return 2
    tokentape, validator, *folders = arguments
    folders = [Path(folder) for folder in folders]
    failed = False
    # Each alone, then all in one.
    for group in [*([folder] for folder in folders), folders]:
        traces = Traces(group)
        name = group[0].name if len(group) == 1 else f"all {len(group)}"
        with tempfile.TemporaryDirectory() as scratch:
            for form, check in [
                ("perfetto", lambda faults: check_perfetto(tokentape, traces, faults)),
                ("otlp", lambda faults: check_otlp(tokentape, traces, faults)),
                ("csv", lambda faults: check_tables(tokentape, traces, faults, "csv", Path(scratch) / "csv")),
                ("ndjson", lambda faults: check_tables(tokentape, traces, faults, "ndjson", Path(scratch) / "ndjson")),
                ("har", lambda faults: check_har(tokentape, traces, faults, validator)),
            ]:
                faults = Faults()
                found = check(faults)
                for fault in faults[:20]:
                    print(f"{name}, {fault}.", file=sys.stderr)
                if not faults:
                    print(f"ok {name}, {form}: {found}")
                failed |= bool(faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
