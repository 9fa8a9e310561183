-- How far the configurations of a runtime lie apart: their mean published efficiency, and how much
-- their runs spread (CV, 100 * sd / mean).
with per_configuration as (
    select
        runtime,
        avg(efficiency_percent) as mean_percent,
        100 * stddev_samp(efficiency_percent) / avg(efficiency_percent) as cv_percent
    from published
    group by runtime, model, scenario
)
select
    runtime,
    count(*) as n,
    max(mean_percent) as best_percent,
    min(mean_percent) as worst_percent,
    max(mean_percent) - min(mean_percent) as apart,
    percentile(cv_percent, 0.5) as median_cv_percent,
    max(cv_percent) as max_cv_percent
from per_configuration
group by runtime
order by runtime
