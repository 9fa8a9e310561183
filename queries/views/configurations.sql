-- One row a configuration, over its concurrent runs: wall time, efficiency by each rule, and how much
-- slower its first and second agent's tokens came than alone. Means; `*_pm` is half of the mean's 95 %
-- interval (that of a slowdown takes the solo runs' mean as known).
with slowed as (
    select
        session_id,
        run_id,
        max(slowdown) filter (where place = 1) as first_slowdown,
        max(slowdown) filter (where place = 2) as second_slowdown
    from (
        select
            *,
            row_number() over (
                partition by session_id, run_id order by agent_index, agent
            ) as place
        from agent_runs
    )
    group by session_id, run_id
)

select
    scenario,
    model,
    runtime,
    topology,
    config,
    count(*) as n,      -- runs
    avg(wall_ms) as wall_ms,
    mean_high(wall_ms) - avg(wall_ms) as wall_pm,
    avg(efficiency_span_percent) as span_percent,
    mean_high(efficiency_span_percent) - avg(efficiency_span_percent) as span_pm,
    avg(efficiency_server_percent) as server_percent,
    mean_high(efficiency_server_percent) - avg(efficiency_server_percent) as server_pm,
    avg(efficiency_solo_percent) as solo_percent,
    mean_high(efficiency_solo_percent) - avg(efficiency_solo_percent) as solo_pm,
    avg(first_slowdown) as first_slowdown,
    mean_high(first_slowdown) - avg(first_slowdown) as first_pm,
    avg(second_slowdown) as second_slowdown,
    mean_high(second_slowdown) - avg(second_slowdown) as second_pm
from run_metrics
left join slowed using (session_id, run_id)
where phase = 'concurrent'
group by scenario, model, runtime, topology, config
