-- How much slower came each agent's tokens beside another than alone? In percent, the mean over the
-- concurrent runs with its 95 % interval, which takes the solo runs' mean as known.
select
    agent,
    agent_index,
    coalesce(nullif(configuration, ''), 'all runs') as configuration,
    count(slowdown) as n,       -- concurrent runs
    avg(100 * (slowdown - 1)) as mean_percent,
    mean_low(100 * (slowdown - 1)) as low_percent,
    mean_high(100 * (slowdown - 1)) as high_percent
from agent_runs
join run_labels using (session_id, run_id)
where phase = 'concurrent' and slowdown is not null
group by agent, agent_index, configuration
order by agent_index, agent, configuration
