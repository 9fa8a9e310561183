-- In which order the models come by mean published efficiency, best first, per runtime and
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
    runtime,
    scenario,
    string_agg(model, ' > ' order by mean_percent desc) as models
from means
group by runtime, scenario
order by runtime, scenario
