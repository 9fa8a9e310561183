-- What each stack costs to build and to run over the horizon (parameter tables costs, load), how
-- much more than the cheapest, and what its instances cost a month and per thousand executions.
with owned as (
    select
        model,
        runtime,
        build_usd,
        infrastructure_usd_year + monitoring_usd_year + maintenance_usd_year as running_usd_year,
        instances * instance_usd_month as instances_usd_month,
        1e3 * instances * instance_usd_month / executions_a_month as usd_per_1000_executions,
        cast(years as double) as years
    from costs
    cross join load
),

summed as (
    select
        *,
        running_usd_year * years as running_usd,
        build_usd + running_usd_year * years as tco_usd
    from owned
)

select
    model,
    runtime,
    instances_usd_month,
    usd_per_1000_executions,
    build_usd,
    running_usd_year,
    running_usd,
    tco_usd,
    100.0 * tco_usd / min(tco_usd) over () - 100 as over_best_percent,
    rank() over (order by tco_usd) as rank
from summed
order by tco_usd
