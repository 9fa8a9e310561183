-- How far the published efficiency spreads over the runs of each configuration, by the figures of
-- the harnesses themselves. CV: 100 * sd / mean; range: max - min.
with spread as (
    select
        runtime,
        model,
        scenario,
        count(efficiency_percent) as n,
        avg(speedup) as mean_speedup,
        avg(efficiency_percent) as mean_percent,
        stddev_samp(efficiency_percent) as sd_percent,
        min(efficiency_percent) as min_percent,
        max(efficiency_percent) as max_percent
    from published
    group by runtime, model, scenario
)
select
    *,
    max_percent - min_percent as range_percent,
    100 * sd_percent / mean_percent as cv_percent
from spread
order by runtime, model, scenario
