-- What was in flight when, in the concurrent runs (of very many the first 20): one row a bar or tick, from the
-- run's earliest request. `request` is the whole exchange, `prompt` its wait for content, `token` one arrival.
with asked as (
    select
        session_id,
        run_id,
        request_id,
        agent,
        agent_index,
        start_ns,
        first_content_ns,
        until_ns,
        content_events,
        min(start_ns) over (partition by session_id, run_id) as run_start_ns,
        dense_rank() over (order by session_id, run_id) as place
    from request_times
    where generates and phase = 'concurrent' and start_ns is not null
),

drawn as (
    select *
    from asked
    where place <= 20
),

spans as (
    select
        session_id, run_id, agent, agent_index, run_start_ns,
        'request' as kind, start_ns as from_ns, until_ns as to_ns
    from drawn
    union all
    select
        session_id, run_id, agent, agent_index, run_start_ns,
        'prompt' as kind, start_ns as from_ns, first_content_ns as to_ns
    from drawn
    where first_content_ns is not null
    union all
    select
        session_id, run_id, drawn.agent, agent_index, run_start_ns,
        'token' as kind, t_ns as from_ns, t_ns as to_ns
    from drawn
    join content_events using (session_id, run_id, request_id)
),

totals as (
    select
        case when max(place) > 20 then 'The first 20 of ' else '' end || max(place) as runs,
        count(*) filter (where place <= 20) as requests,
        coalesce(sum(content_events) filter (where place <= 20), 0) as tokens
    from asked
),

-- The longest wait for the next piece of an answer, in any of them.
longest as (
    select
        asked.session_id,
        asked.run_id,
        asked.agent,
        gap_ns
    from asked
    join content_events using (session_id, run_id, request_id)
    where gap_ns is not null
    order by gap_ns desc, asked.session_id, asked.run_id, asked.request_id, seq
    limit 1
),

longest_told as (
    select
        gap_ns / 1e6 as longest_gap_ms,
        agent as longest_gap_agent,
        label as longest_gap_run
    from longest
    join run_labels using (session_id, run_id)
)

select
    label as run,
    agent,
    kind,
    (from_ns - run_start_ns) / 1e6 as start_ms,
    (to_ns - run_start_ns) / 1e6 as end_ms,
    runs,
    requests,
    tokens,
    longest_gap_ms,
    longest_gap_agent,
    longest_gap_run
from spans
join run_labels using (session_id, run_id)
cross join totals
left join longest_told on true
order by session_id, run_id, agent_index, agent, from_ns, kind, to_ns
