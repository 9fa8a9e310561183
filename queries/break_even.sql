-- When Rust's dearer building is paid back by its cheaper running, per model, and what is saved
-- over the horizon (parameter tables costs, load).
with sides as (
    select
        rust.model,
        rust.build_usd - python.build_usd as more_to_build_usd,
        python.infrastructure_usd_year + python.monitoring_usd_year
            + python.maintenance_usd_year
            - rust.infrastructure_usd_year - rust.monitoring_usd_year
            - rust.maintenance_usd_year as saved_usd_year
    from costs as rust
    join costs as python on python.model = rust.model
    where rust.runtime = 'rust' and python.runtime = 'python'
)
select
    model,
    more_to_build_usd,
    saved_usd_year,
    12.0 * more_to_build_usd / saved_usd_year as months,
    saved_usd_year * years - more_to_build_usd as saved_usd
from sides
cross join load
order by model
