-- What each stack costs over the horizon if the assumptions change (parameter tables costs, load,
-- what_ifs), and which is then the cheapest. A change applies to every stack alike.
with changed as (
    select
        what_if,
        model,
        runtime,
        build_usd * build_factor + years * (
            infrastructure_usd_year * infrastructure_factor
            + monitoring_usd_year
            + maintenance_usd_year
            + case when model = fee_model then fee_usd_year else 0 end
        ) as tco_usd
    from costs
    cross join load
    cross join what_ifs
)
select
    what_if,
    model,
    runtime,
    tco_usd,
    rank() over (partition by what_if order by tco_usd) as rank
from changed
order by what_if, tco_usd
