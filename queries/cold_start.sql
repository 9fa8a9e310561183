-- What does the first run of a configuration cost? Its wall time and first agent's time to first
-- token over the median of the later runs (TR121's warm-up ratios), and the models' loading.
with named as (
    select
        *,
        -- The benchmark calls a run cold that meets a cold server; here it is the first of its like.
        nullif(regexp_replace(config, '( |^)cold$', ''), '') as warm_config
    from run_metrics
),

loaded as (
    select
        session_id,
        run_id,
        sum(load_ms) as load_ms
    from request_times
    where generates
    group by session_id, run_id
),

first_words as (
    select
        session_id,
        run_id,
        max(ttft_ms) as ttft_ms
    from agent_runs
    group by session_id, run_id
)

select
    run.scenario,
    run.model,
    run.runtime,
    run.topology,
    warm_config as config,
    phase,
    count(*) filter (where run_number > 1) as n_later,
    avg(wall_ms) filter (where run_number = 1) as first_wall_ms,
    percentile(wall_ms, 0.5) filter (where run_number > 1) as later_wall_ms,
    avg(wall_ms) filter (where run_number = 1)
        / percentile(wall_ms, 0.5) filter (where run_number > 1) as wall_ratio,
    avg(ttft_ms) filter (where run_number = 1)
        / percentile(ttft_ms, 0.5) filter (where run_number > 1) as ttft_ratio,
    avg(load_ms) filter (where run_number = 1) as first_load_ms,
    percentile(load_ms, 0.5) filter (where run_number > 1) as later_load_ms
from named as run
left join loaded using (session_id, run_id)
left join first_words using (session_id, run_id)
where phase in ('concurrent', 'solo')
group by run.scenario, run.model, run.runtime, run.topology, warm_config, phase
order by run.scenario, run.model, run.runtime, run.topology, warm_config, phase
