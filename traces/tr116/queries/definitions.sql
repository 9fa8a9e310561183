-- Do the published figures follow from each other, and what do the harnesses call sequential time?
-- Per runtime: how far speedup and efficiency are at most from their formula, and how far
-- sequential time is on average from ours by the rules `span` and `server`.
select
    ours.runtime,
    count(*) as n,
    max(abs(published.speedup - published.sequential_ms / published.wall_ms)) as speedup_off,
    max(abs(published.efficiency_percent - 50 * published.speedup)) as efficiency_off,
    avg(published.sequential_ms - sequential_span_ms) as span_off_ms,
    avg(published.sequential_ms - sequential_server_ms) as server_off_ms
from run_metrics as ours
join published using (session_id, run_id)
group by ours.runtime
order by ours.runtime
