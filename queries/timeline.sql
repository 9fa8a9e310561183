-- What was in flight when, in the concurrent runs: one row a bar or tick, from the run's earliest
-- request. `request` is the whole exchange, `prompt` its wait for content, `token` one arrival.
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
        min(start_ns) over (partition by session_id, run_id) as run_start_ns
    from request_times
    where generates and phase = 'concurrent' and start_ns is not null
),

spans as (
    select
        session_id, run_id, agent, agent_index, run_start_ns,
        'request' as kind, start_ns as from_ns, until_ns as to_ns
    from asked
    union all
    select
        session_id, run_id, agent, agent_index, run_start_ns,
        'prompt' as kind, start_ns as from_ns, first_content_ns as to_ns
    from asked
    where first_content_ns is not null
    union all
    select
        session_id, run_id, asked.agent, agent_index, run_start_ns,
        'token' as kind, t_ns as from_ns, t_ns as to_ns
    from content_events
    join asked using (session_id, run_id, request_id)
),

totals as (
    select
        count(distinct concat_ws(' ', session_id, run_id)) as runs,
        count(*) filter (where kind = 'request') as requests,
        count(*) filter (where kind = 'token') as tokens
    from spans
),

-- The longest wait for the next piece of an answer.
longest as (
    select
        gap_ns / 1e6 as longest_gap_ms,
        asked.agent as longest_gap_agent,
        label as longest_gap_run
    from content_events
    join asked using (session_id, run_id, request_id)
    join run_labels using (session_id, run_id)
    where gap_ns is not null
    order by gap_ns desc, asked.session_id, asked.run_id, asked.request_id, seq
    limit 1
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
left join longest on true
order by session_id, run_id, agent_index, agent, from_ns, kind, to_ns
