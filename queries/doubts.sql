-- What concurrency did to an agent that is smaller than the recorder's own error, and so says
-- nothing: an effect counts only beyond the p99 of the stamp error that `calibrate` found.
with error as (
    select max(p99_us) / 1e3 as error_ms
    from calibrations
    where figure = 'stamp_error' and load = '2 streams at 200/s'
),

beside as (
    select
        agent,
        scenario,
        model,
        runtime,
        avg(itl_ms) filter (where phase = 'concurrent')
            - avg(itl_ms) filter (where phase = 'solo') as itl_ms,
        avg(ttft_mean_ms) filter (where phase = 'concurrent')
            - avg(ttft_mean_ms) filter (where phase = 'solo') as ttft_ms
    from agent_runs
    group by agent, scenario, model, runtime, topology, config
),

effects as (
    select agent, scenario, model, runtime, 'itl_ms' as figure, itl_ms as effect_ms from beside
    union all
    select agent, scenario, model, runtime, 'ttft_ms' as figure, ttft_ms as effect_ms from beside
)

select
    scenario,
    model,
    runtime,
    agent,
    figure,
    effect_ms,
    error_ms
from effects
cross join error
where abs(effect_ms) < error_ms
order by scenario, model, runtime, agent, figure
