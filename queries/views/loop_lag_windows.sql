-- One row a second of a run in which the scheduler's lag was sampled: how many content events came,
-- and how late the scheduler was.
with lags as (
    select
        samples.session_id,
        samples.run_id,
        (t_ns - start_ns) / 1000000000 as second,   -- whole division
        count(value) as lag_n,
        avg(value) as lag_mean_ms,
        percentile(value, 0.99) as lag_p99_ms,
        max(value) as lag_max_ms
    from samples
    join runs using (session_id, run_id)
    where metric = 'loop_lag_ms' and value is not null
    group by samples.session_id, samples.run_id, (t_ns - start_ns) / 1000000000
),

arrivals as (
    select
        content_events.session_id,
        content_events.run_id,
        (t_ns - start_ns) / 1000000000 as second,
        count(*) as events
    from content_events
    join runs using (session_id, run_id)
    group by content_events.session_id, content_events.run_id, (t_ns - start_ns) / 1000000000
)

select
    session_id,
    run_id,
    second,
    coalesce(events, 0) as events_per_s,
    lag_n,
    lag_mean_ms,
    lag_p99_ms,
    lag_max_ms
from lags
left join arrivals using (session_id, run_id, second)
