-- By how many points of mean published efficiency a model is behind another, per runtime and
-- scenario.
with means as (
    select
        runtime,
        scenario,
        model,
        avg(efficiency_percent) as mean_percent
    from published
    group by runtime, scenario, model
)
select
    slower.model,
    faster.model as than,
    slower.runtime,
    slower.scenario,
    faster.mean_percent - slower.mean_percent as points
from means as slower
join means as faster
    on faster.runtime = slower.runtime
    and faster.scenario = slower.scenario
    and faster.model <> slower.model
order by slower.model, than, slower.runtime, slower.scenario
