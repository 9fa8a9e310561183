-- How the lag of the event loop is distributed, and how far apart its samples are, in ms.
with lags as (
    select
        value as lag_ms,
        (t_ns - lag(t_ns) over (partition by session_id order by t_ns)) / 1e6 as period_ms
    from samples
    where metric = 'loop_lag_ms'
)
select
    count(*) as n,
    avg(period_ms) as mean_period_ms,
    avg(lag_ms) as mean_ms,
    percentile(lag_ms, 0.01) as p1_ms,
    percentile(lag_ms, 0.25) as p25_ms,
    percentile(lag_ms, 0.5) as p50_ms,
    percentile(lag_ms, 0.75) as p75_ms,
    percentile(lag_ms, 0.9) as p90_ms,
    percentile(lag_ms, 0.95) as p95_ms,
    percentile(lag_ms, 0.99) as p99_ms,
    max(lag_ms) as max_ms
from lags
