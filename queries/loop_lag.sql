-- Does the scheduler lag when much arrives? Lag by how many content events came in the same second
-- (TR117's table of time windows), and over all seconds the correlation of the two.
with banded as (
    select
        50 * (events_per_s / 50) as events_per_s_from,      -- whole division
        events_per_s,
        lag_mean_ms,
        lag_max_ms
    from loop_lag_windows
)

select
    cast(events_per_s_from as varchar) || ' to ' || cast(events_per_s_from + 49 as varchar)
        as events_per_s,
    count(*) as seconds,
    avg(lag_mean_ms) as lag_mean_ms,
    percentile(lag_mean_ms, 0.99) as lag_p99_ms,
    max(lag_max_ms) as lag_max_ms,
    cast(null as double) as r,
    cast(null as double) as r_low,
    cast(null as double) as r_high,
    cast(null as double) as p,
    cast(null as double) as spearman
from banded
group by events_per_s_from
union all
select
    'all',
    count(*),
    avg(lag_mean_ms),
    percentile(lag_mean_ms, 0.99),
    max(lag_max_ms),
    corr(events_per_s, lag_mean_ms),
    fisher_z_low(corr(events_per_s, lag_mean_ms), count(*)),
    fisher_z_high(corr(events_per_s, lag_mean_ms), count(*)),
    correlation_p(corr(events_per_s, lag_mean_ms), count(*)),
    spearman(events_per_s, lag_mean_ms)
from loop_lag_windows
having count(*) > 0
order by seconds
