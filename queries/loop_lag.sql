-- Does the scheduler lag when much arrives? Lag by how many content events came in the same second
-- (TR117's table of time windows), and over all seconds the correlation of the two. Failed runs are
-- left out.
with windows as (
    select loop_lag_windows.*
    from loop_lag_windows
    join runs using (session_id, run_id)
    where phase <> 'failed'
),

banded as (
    select
        50 * (events_per_s / 50) as events_per_s_from,      -- whole division
        count(*) as seconds,
        avg(lag_mean_ms) as lag_mean_ms,
        percentile(lag_mean_ms, 0.99) as lag_p99_ms,
        max(lag_max_ms) as lag_max_ms
    from windows
    group by 50 * (events_per_s / 50)
),

correlated as (
    select
        count(*) as seconds,
        avg(lag_mean_ms) as lag_mean_ms,
        percentile(lag_mean_ms, 0.99) as lag_p99_ms,
        max(lag_max_ms) as lag_max_ms,
        corr(events_per_s, lag_mean_ms) as r,
        spearman(events_per_s, lag_mean_ms) as spearman
    from windows
),

rows as (
    select
        concat_ws(' to ', events_per_s_from, events_per_s_from + 49) as events_per_s,
        seconds,
        lag_mean_ms,
        lag_p99_ms,
        lag_max_ms,
        null as r,
        null as r_low,
        null as r_high,
        null as p,
        null as spearman,
        events_per_s_from as place
    from banded
    union all
    select
        'all',
        seconds,
        lag_mean_ms,
        lag_p99_ms,
        lag_max_ms,
        r,
        fisher_z_low(r, seconds),
        fisher_z_high(r, seconds),
        correlation_p(r, seconds),
        spearman,
        null as place
    from correlated
    where seconds > 0
)

select * exclude (place)
from rows
order by place nulls last
