-- How many runs contend, per runtime: by the harness's flag (null where it has none), by that
-- flag's rule, speedup below 1.5, on the published speedup and on ours, and by the report's rule,
-- a time to first token beyond 3 s (of the runs in which it was measured).
select
    ours.runtime,
    count(*) as n,
    count(*) filter (where not published.contention) as flagged_no,
    100.0 * count(*) filter (where published.contention) / nullif(count(published.contention), 0)
        as flagged_percent,
    100.0 * count(*) filter (where published.speedup < 1.5) / count(*) as slow_percent,
    count(*) filter (where contention_speedup) as slow_by_span,
    count(*) filter (where contention_ttft) as late,
    count(*) filter (where published.contention <> contention_ttft) as disagreeing
from run_metrics as ours
join published using (session_id, run_id)
group by ours.runtime
order by ours.runtime
