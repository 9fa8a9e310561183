-- Every lost percent by name: what part of N * W, the agents' time in a concurrent run, went
-- where; mean over the runs. A lost part is missing from 100 % by the `span` or `server` rule.
with per_run as (
    select
        session_id,
        run_id,
        scenario,
        model,
        runtime,
        topology,
        config,
        part,
        part_order,
        avg(percent) as percent,    -- of N * W, as each of the N agents has a row
        sum(ms) as ms
    from time_budget
    where phase = 'concurrent'
    group by
        session_id, run_id, scenario, model, runtime, topology, config, part, part_order
)
select
    scenario,
    model,
    runtime,
    topology,
    config,
    part,
    part in ('stagger', 'tail') as lost_by_span,
    part not in ('prompt', 'decode') as lost_by_server,
    count(percent) as n,            -- runs
    avg(percent) as mean_percent,
    mean_low(percent) as low_percent,       -- the 95 % interval of the mean
    mean_high(percent) as high_percent,
    stddev_samp(percent) as sd_percent,
    avg(ms) as mean_ms              -- of all agents together
from per_run
group by scenario, model, runtime, topology, config, part, part_order
order by scenario, model, runtime, topology, config, part_order
