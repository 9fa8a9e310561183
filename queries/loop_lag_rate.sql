-- Does the scheduler lag when much arrives? Each second of a run: content chunks that came against the mean
-- lag; with the least-squares line, its 95 % band, and Pearson’s r.
with fitted as (
    select
        count(*) as n,
        corr(lag_mean_ms, events_per_s) as r,
        regr_slope(lag_mean_ms, events_per_s) as slope,
        regr_intercept(lag_mean_ms, events_per_s) as intercept,
        avg(events_per_s) as mean_x,
        regr_sxx(lag_mean_ms, events_per_s) as sxx,
        regr_syy(lag_mean_ms, events_per_s) - power(regr_sxy(lag_mean_ms, events_per_s), 2)
            / nullif(regr_sxx(lag_mean_ms, events_per_s), 0) as residual_ss
    from loop_lag_windows
),

banded as (
    select
        events_per_s,
        lag_mean_ms,
        n,
        r,
        case when n > 2 then intercept + slope * events_per_s end as fit_ms,
        case when n > 2 then student_t_quantile(0.975, n - 2) * sqrt(
            greatest(residual_ss, 0) / (n - 2)
            * (1.0 / n + power(events_per_s - mean_x, 2) / nullif(sxx, 0))
        ) end as half_band
    from loop_lag_windows
    cross join fitted
)

select
    events_per_s,
    lag_mean_ms,
    fit_ms,
    fit_ms - half_band as fit_low_ms,
    fit_ms + half_band as fit_high_ms,
    n,
    case when n > 2 then r end as r,
    correlation_p(r, n) as p
from banded
order by events_per_s, lag_mean_ms
