"""DuckDB as a peer of the analyzer: the same files, the same views, two threads. Reads a JSON
string with SQL a line, answers with rows and seconds a line."""
import json
import sys
import time
from pathlib import Path

import duckdb

folder, views = map(Path, sys.argv[1:])
database = duckdb.connect(config={"threads": 2})
database.execute("create macro percentile(x, q) as quantile_cont(x, q)")
for file in folder.glob("*.parquet"):
    database.execute(f"create view {file.stem} as from '{file}'")
manifest = json.loads((folder / "session.json").read_text())
database.execute("create table agents (session_id varchar, agent varchar, agent_index int)")
for index, agent in enumerate(manifest["agents"]):
    database.execute("insert into agents values (?, ?, ?)",
                     [manifest["session_id"], agent["name"], index])
database.execute("create table sessions (session_id varchar, status varchar)")
database.execute("insert into sessions values (?, ?)", [manifest["session_id"], manifest["status"]])
# Views use each other: those that still lack one come again.
waiting = {file.stem: file.read_text() for file in views.glob("*.sql")}
while waiting:
    before = len(waiting)
    for name, sql in list(waiting.items()):
        try:
            # What both engines have, but not under one name.
            sql = sql.replace("first_value(ttft_ms order by", "first(ttft_ms order by")
            database.execute(f"create view {name} as {sql}")
            del waiting[name]
        except duckdb.CatalogException:
            continue
    if len(waiting) == before:
        # What needs functions that DuckDB has not: no question here asks for it.
        break
for line in sys.stdin:
    began = time.perf_counter()
    rows = database.execute(json.loads(line)).fetchall()
    print(json.dumps([rows, time.perf_counter() - began], default=float), flush=True)
