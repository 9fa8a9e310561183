"""Opens every table of the given traces with DuckDB and with pyarrow, and holds their columns,
types and row counts against the documented format and session.json.

    check_tables.py TRACE...

Prints `ok` and exits 0 if all agree; else says what differs, a sentence each, and exits 1.
"""

import json
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

# What each documented type is called in the format, in pyarrow and in DuckDB.
ARROW = {
    "string": pa.string(),
    "binary": pa.binary(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("ns", "UTC"),
}
DUCKDB = {
    "string": {"VARCHAR"},
    "binary": {"BLOB"},
    "bool": {"BOOLEAN"},
    "int32": {"INTEGER"},
    "int64": {"BIGINT"},
    "float64": {"DOUBLE"},
    # Before version 2, DuckDB has no nanoseconds with a time zone.
    "timestamp": {"TIMESTAMPTZ_NS", "TIMESTAMP WITH TIME ZONE"},
}

# The tables as documented: columns in order, with their types.
TABLES = {
    "runs": """
        session_id string, run_id int32, run_number int32,
        scenario string, model string, runtime string, topology string, config string,
        phase string, labels string, start_ns int64, end_ns int64""",
    "requests": """
        session_id string, run_id int32, agent string, request_id int64, dialect string,
        method string, path string, endpoint string, model string, stream bool, options string,
        request_headers string, request_body binary,
        intended_ns int64, start_ns int64, headers_ns int64, first_chunk_ns int64,
        first_token_ns int64, last_token_ns int64, end_ns int64,
        status int32, response_headers string, outcome string, error string,
        chunk_count int64, event_count int64, token_events int64, response_bytes int64,
        prompt_eval_count int64, eval_count int64, total_duration_ns int64,
        load_duration_ns int64, prompt_eval_duration_ns int64, eval_duration_ns int64,
        done_reason string""",
    "chunks": """
        session_id string, run_id int32, agent string, request_id int64, seq int32,
        t_ns int64, size int32, payload binary""",
    "events": """
        session_id string, run_id int32, agent string, request_id int64, seq int32,
        chunk_seq int32, t_ns int64, kind string, text string, server_created_at timestamp""",
    "samples": """
        session_id string, run_id int32, t_ns int64, source string, metric string,
        value float64""",
    "published": """
        session_id string, run_id int32, runtime string, model string, scenario string,
        run_number int32, speedup float64, efficiency_percent float64,
        throughput_delta_tps float64, ttft_delta_ms float64, contention bool,
        wall_ms float64, sequential_ms float64, source string""",
}


def documented(table):
    """The columns of a table as (name, documented type), in order."""
    return [tuple(column.split()) for column in TABLES[table].split(",")]


def arrow_schema(table):
    """The table's schema as pyarrow has it."""
    return pa.schema([(name, ARROW[kind]) for name, kind in documented(table)])


def column_faults(reader, found, expected):
    """Compares (name, type) pairs; `expected` gives the set of types that are right."""
    names, wanted = [name for name, _ in found], [name for name, _ in expected]
    if names != wanted:
        missing = [name for name in wanted if name not in names]
        extra = [name for name in names if name not in wanted]
        detail = "; ".join(
            text for text, many in [
                (f"missing: {', '.join(missing)}", missing),
                (f"undocumented: {', '.join(extra)}", extra),
            ] if many
        ) or f"order is {', '.join(names)}"
        return [f"{reader} does not see the documented columns ({detail})"]
    return [
        f"{reader} reads column {name} as {kind}, not {' or '.join(sorted(map(str, kinds)))}"
        for (name, kind), (_, kinds) in zip(found, expected) if kind not in kinds
    ]


def table_faults(file, table, rows):
    """What is wrong with one table, read once by each reader; `rows` is the manifest's count."""
    try:
        arrow = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        return [f"pyarrow cannot read it: {error}".rstrip(".")]
    found = [(field.name, field.type) for field in arrow.schema]
    faults = column_faults("pyarrow", found, [(n, {ARROW[k]}) for n, k in documented(table)])
    if arrow.num_rows != rows:
        faults.append(f"pyarrow counts {arrow.num_rows} rows, session.json says {rows}")

    try:
        with duckdb.connect() as duck:
            relation = duck.read_parquet(str(file))
            found = [(name, str(kind)) for name, kind in zip(relation.columns, relation.types)]
            # Fetching every column decodes every value; a count alone would read the footer.
            decoded = sum(batch.num_rows for batch in relation.to_arrow_reader())
    except duckdb.Error as error:
        return faults + [f"DuckDB cannot read it: {error}".rstrip(".")]
    faults += column_faults("DuckDB", found, [(n, DUCKDB[k]) for n, k in documented(table)])
    if decoded != rows:
        faults.append(f"DuckDB counts {decoded} rows, session.json says {rows}")
    return faults


def trace_faults(trace):
    """What is wrong with a trace, a sentence each, and how many rows it has by table."""
    manifest = trace / "session.json"
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        said = {entry["name"]: entry["rows"] for entry in files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{manifest} cannot be read as a manifest: {error!r}."], {}
    faults, counts = [], {}
    for table in TABLES:
        name = f"{table}.parquet"
        file = trace / name
        if not file.exists():
            # Only imported traces have published figures.
            if table != "published":
                faults.append(f"{file} is missing.")
            elif name in said:
                faults.append(f"{file} is missing, though session.json lists it.")
        elif name not in said:
            faults.append(f"{file} is not listed in session.json.")
        else:
            counts[table] = said[name]
            faults += [f"{file}: {fault}." for fault in table_faults(file, table, said[name])]
    unknown = sorted(set(said) - {f"{table}.parquet" for table in TABLES})
    faults += [f"{manifest} lists {name}, which the format does not know." for name in unknown]
    return faults, counts


def main(arguments):
    if not arguments:
        print("usage: check_tables.py TRACE...", file=sys.stderr)
        return 2
    failed = False
    for trace in map(Path, arguments):
        faults, counts = trace_faults(trace)
        for fault in faults:
            print(fault, file=sys.stderr)
        if not faults:
            print(f"ok {trace}: " + ", ".join(f"{n} {table}" for table, n in counts.items()))
        failed |= bool(faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
