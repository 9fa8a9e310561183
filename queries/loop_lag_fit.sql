-- Does a run's efficiency follow from the scheduler's lag and the rate of content events? Least
-- squares over the runs, a term a row, each with its 95 % interval (TR117's regression).
with per_run as (
    select
        session_id,
        run_id,
        avg(lag_mean_ms) as lag_mean_ms,
        avg(events_per_s) as events_per_s
    from loop_lag_windows
    group by session_id, run_id
),

fitted as (
    select
        ols(efficiency_percent, {lag_mean_ms: lag_mean_ms, events_per_s: events_per_s}) as fit
    from run_metrics
    join per_run using (session_id, run_id)
    where phase = 'concurrent'
),

terms as (
    select
        fit['n'] as n,
        fit['r2'] as r2,
        fit['adjusted_r2'] as adjusted_r2,
        fit['p'] as p_of_fit,
        unnest(fit['terms']) as term
    from fitted
    where fit['n'] > 0
)

select
    term['term'] as term,
    term['estimate'] as estimate_points,
    term['low'] as low,
    term['high'] as high,
    term['se'] as standard_error,
    term['p'] as p,
    n,
    r2,
    adjusted_r2,
    p_of_fit
from terms
