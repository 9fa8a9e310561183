-- How the published efficiency is distributed over all runs of each runtime, by the figures of the
-- harnesses themselves. Percentiles interpolate linearly (type 7).
with distribution as (
    select
        runtime,
        count(efficiency_percent) as n,
        avg(efficiency_percent) as mean_percent,
        percentile(efficiency_percent, 0.5) as median_percent,
        percentile(efficiency_percent, 0.05) as p5_percent,
        percentile(efficiency_percent, 0.95) as p95_percent,
        min(efficiency_percent) as min_percent,
        max(efficiency_percent) as max_percent,
        stddev_samp(efficiency_percent) as sd_percent
    from published
    group by runtime
)
select
    *,
    max_percent - min_percent as range_percent
from distribution
order by runtime
