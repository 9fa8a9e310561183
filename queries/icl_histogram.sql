-- How often does the next chunk take how long? Gaps between content chunks by size, twenty bins a decade;
-- one row a bin, agent and phase. Gaps of nothing count in the lowest bin there is.
with gaps as (
    select
        exchanges.agent,
        phase,
        icl_ms,
        -- Below a microsecond there is nothing to tell apart.
        floor(20 * log10(greatest(icl_ms, 0.001))) as bin
    from icl
    join exchanges using (session_id, run_id, request_id)
    where generates and phase in ('concurrent', 'solo')
),

series as (
    select
        agent,
        phase,
        count(*) as n,
        percentile(icl_ms, 0.5) as p50_ms
    from gaps
    group by agent, phase
),

bins as (
    select
        agent,
        phase,
        bin,
        count(*) as gaps
    from gaps
    group by agent, phase, bin
)

select
    concat_ws(', ', bins.agent, bins.phase) as series,
    power(10, bin / 20) as low_ms,
    power(10, (bin + 1) / 20) as high_ms,
    gaps,
    n,
    p50_ms
from bins
join series on series.agent = bins.agent and series.phase = bins.phase
order by bins.agent, bins.phase, bin
