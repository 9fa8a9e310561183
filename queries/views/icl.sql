-- One row a gap between consecutive content events of a request: inter-chunk latency, raw.
select
    session_id,
    run_id,
    agent,
    request_id,
    seq,    -- of the event that ends the gap
    t_ns,   -- when that event arrived
    gap_ns as icl_ns,
    gap_ns / 1e6 as icl_ms
from content_events
where gap_ns is not null
