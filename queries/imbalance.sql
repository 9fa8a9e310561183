-- Does efficiency fall where the agents' throughputs differ? The absolute delta of each concurrent run
-- against its efficiency by the span rule; with the least-squares line of its panel, the 95 % band of that
-- line, and Pearson's r. A panel a model, with runtime and topology where there are several.
with measured as (
    select
        concat_ws(
            ' · ',
            model,
            case when min(coalesce(runtime, '')) over () <> max(coalesce(runtime, '')) over ()
                then runtime
            end,
            case when min(coalesce(topology, '')) over () <> max(coalesce(topology, '')) over ()
                then topology
            end
        ) as panel,
        scenario,
        run_id,
        abs(throughput_delta_tps) as delta_tps,
        efficiency_span_percent as percent
    from run_metrics
    where phase = 'concurrent'
        and throughput_delta_tps is not null
        and efficiency_span_percent is not null
),

fitted as (
    select
        panel,
        count(*) as n,
        corr(percent, delta_tps) as r,
        regr_slope(percent, delta_tps) as slope,
        regr_intercept(percent, delta_tps) as intercept,
        avg(delta_tps) as mean_x,
        regr_sxx(percent, delta_tps) as sxx,
        regr_syy(percent, delta_tps) - power(regr_sxy(percent, delta_tps), 2)
            / nullif(regr_sxx(percent, delta_tps), 0) as residual_ss
    from measured
    group by panel
),

banded as (
    select
        measured.*,
        n,
        r,
        case when n > 2 then intercept + slope * delta_tps end as fit_percent,
        case when n > 2 then student_t_quantile(0.975, n - 2) * sqrt(
            greatest(residual_ss, 0) / (n - 2) * (1.0 / n + power(delta_tps - mean_x, 2) / nullif(sxx, 0))
        ) end as half_band
    from measured
    join fitted on fitted.panel = measured.panel
)

select
    panel,
    scenario,
    delta_tps,
    percent,
    fit_percent,
    fit_percent - half_band as fit_low_percent,
    fit_percent + half_band as fit_high_percent,
    n,
    case when n > 2 then r end as r,
    correlation_p(r, n) as p
from banded
order by panel, delta_tps, percent, run_id
