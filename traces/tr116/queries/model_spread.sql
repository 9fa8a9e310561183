-- How far the models lie apart in mean published efficiency, in points, per scenario and runtime.
with per_model as (
    select
        scenario,
        runtime,
        model,
        avg(efficiency_percent) as mean_percent
    from published
    group by scenario, runtime, model
),

per_runtime as (
    select
        scenario,
        runtime,
        max(mean_percent) - min(mean_percent) as apart
    from per_model
    group by scenario, runtime
)

select
    scenario,
    max(apart) filter (where runtime = 'rust') as rust_apart,
    max(apart) filter (where runtime = 'python') as python_apart,
    max(apart) filter (where runtime = 'python') - max(apart) filter (where runtime = 'rust')
        as more_in_python
from per_runtime
group by scenario
order by scenario
