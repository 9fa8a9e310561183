-- The interactive timeline's bars, in every run: one row a generating request that was sent, from the
-- run's earliest request, with the steps that end with it, each cut at the request's beginning.
-- Of a huge trace only the first 10,000; `requests` and `chunks` say how many there are.
with steps as (
    select
        *,
        min(start_ns) over (partition by session_id, run_id) as run_start_ns,
        count(*) over () as requests,
        sum(content_events) over () as chunks,
        until_ns - start_ns as took_ns
    from request_steps
    where start_ns is not null
)

select
    session_id,
    run_id,
    label as run,
    phase,
    agent,
    agent_index,
    request_id,
    outcome,
    start_ns - run_start_ns as from_ns,
    took_ns,
    least(loaded_ns, greatest(0, took_ns - eval_ns - prompt_eval_ns - waited_ns)) as load_ns,
    least(waited_ns, greatest(0, took_ns - eval_ns - prompt_eval_ns)) as queue_ns,
    least(prompt_eval_ns, greatest(0, took_ns - eval_ns)) as prompt_ns,
    least(eval_ns, took_ns) as decode_ns,
    content_events as request_chunks,
    requests,
    chunks
from steps
join run_labels using (session_id, run_id)
order by session_id, run_id, from_ns, request_id
limit 10000
