-- How inter-chunk latency is distributed: what fraction of an agent's gaps last at most `icl_ms`.
-- Every point is exact, but not all are given: of gaps within one microsecond the longest, and of
-- these each that first reaches another 2,000th of all gaps. Only concurrent and solo runs count.
with gaps as (
    select
        exchanges.agent,
        phase,
        icl_ns
    from icl
    join exchanges using (session_id, run_id, request_id)
    where generates and phase in ('concurrent', 'solo')
),

series as (
    select
        agent,
        phase,
        count(*) as n,
        percentile(icl_ns, 0.5) / 1e6 as p50_ms,
        percentile(icl_ns, 0.99) / 1e6 as p99_ms
    from gaps
    group by agent, phase
),

microseconds as (
    select
        agent,
        phase,
        max(icl_ns) as icl_ns,
        count(*) as gaps
    from gaps
    group by agent, phase, icl_ns / 1000    -- whole division
),

-- The rank of the longest gap of a microsecond: how many gaps last at most as long.
ranked as (
    select
        *,
        sum(gaps) over (partition by agent, phase order by icl_ns) as rank
    from microseconds
)

select
    concat_ws(', ', agent, phase) as series,
    agent,
    phase,
    icl_ns / 1e6 as icl_ms,
    rank / cast(n as double) as fraction,
    n,
    p50_ms,
    p99_ms,
    -- The series whose gaps are the shortest in the middle, and the longest.
    first_value(concat_ws(', ', agent, phase)) over upwards as shortest_series,
    min(p50_ms) over () as shortest_p50_ms,
    first_value(concat_ws(', ', agent, phase)) over downwards as longest_series,
    max(p50_ms) over () as longest_p50_ms
from ranked
join series using (agent, phase)
where rank * 2000 / n > (rank - gaps) * 2000 / n    -- whole divisions
    or rank = gaps                                  -- the shortest
window
    upwards as (order by p50_ms, agent, phase),
    downwards as (order by p50_ms desc, agent desc, phase desc)
order by agent, phase, icl_ns
