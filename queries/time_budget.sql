-- Where each agent's share of each run went: one row a part of a bar, a bar an agent in a run.
-- The parts of a bar add up to the run's wall time; only concurrent and solo runs count.
with bars as (
    select
        *,
        label || ' · ' || agent as bar
    from time_budget
    join run_labels using (session_id, run_id)
    where phase in ('concurrent', 'solo')
),

-- How much of a concurrent run the model was at work for an agent.
worked as (
    select
        bar,
        sum(percent) as percent
    from bars
    where phase = 'concurrent' and part in ('prompt', 'decode')
    group by bar
),

extremes as (
    select
        min(percent) as least_percent,
        first_value(bar order by percent, bar) as least_bar,
        max(percent) as most_percent,
        last_value(bar order by percent, bar) as most_bar
    from worked
    where percent is not null
)

select
    phase as panel,
    bar,
    run_number,
    scenario,
    phase,
    agent,
    part,
    part_order,
    ms,
    percent,
    count(*) over () / 8 as bars,   -- a bar has eight parts
    least_percent,
    least_bar,
    most_percent,
    most_bar
from bars
cross join extremes
order by phase, session_id, run_id, agent_index, agent, part_order
