-- One row a content event: a token, thinking or tool_call event that carries content, with the
-- gap to the content event before it in the same request (null on a request's first).
select
    session_id,
    run_id,
    agent,
    request_id,
    seq,
    chunk_seq,  -- the chunk that completed it
    t_ns,
    kind,
    text,
    -- The partition is the order in which a trace is written, so it need not be sorted again.
    t_ns - lag(t_ns) over (partition by session_id, run_id, request_id order by seq) as gap_ns
from events
where kind in ('token', 'thinking', 'tool_call')
    and (text <> '' or text is null)    -- imported: content whose words were not kept
