-- Contention, measured: how much slower an agent's tokens come beside another than alone, over
-- all its runs of a configuration. ITL is the decode time over tokens - 1, both summed.
with sides as (
    select
        scenario,
        model,
        runtime,
        topology,
        config,
        agent,
        min(agent_index) as agent_index,
        count(itl_ms) filter (where phase = 'concurrent') as concurrent_n,      -- runs
        sum(itl_decode_ms) filter (where phase = 'concurrent')
            / sum(itl_intervals) filter (where phase = 'concurrent') as concurrent_itl_ms,
        count(itl_ms) filter (where phase = 'solo') as solo_n,
        max(solo_itl_ms) as solo_itl_ms
    from agent_runs
    where phase in ('concurrent', 'solo')
    group by scenario, model, runtime, topology, config, agent
)
select
    scenario,
    model,
    runtime,
    topology,
    config,
    agent,
    concurrent_n,
    concurrent_itl_ms,
    solo_n,
    solo_itl_ms,
    concurrent_itl_ms / nullif(solo_itl_ms, 0) as slowdown
from sides
order by scenario, model, runtime, topology, config, agent_index, agent
