-- Which stack is the cheapest after how many years (parameter table costs).
with horizons(years) as (
    values (1), (2), (3), (4), (5), (6), (7)
),

summed as (
    select
        years,
        model,
        runtime,
        build_usd + years * (
            infrastructure_usd_year + monitoring_usd_year + maintenance_usd_year
        ) as tco_usd
    from costs
    cross join horizons
)

select
    years,
    model,
    runtime,
    tco_usd,
    rank() over (partition by years order by tco_usd) as rank
from summed
order by years, tco_usd
