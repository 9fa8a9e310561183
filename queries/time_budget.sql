-- Where each agent's share of each run went: one row a part of a bar, a bar an agent in a run.
-- The parts of a bar add up to the run's wall time; only concurrent and solo runs count.
select
    phase as panel,
    label || ' · ' || agent as bar,
    run_number,
    scenario,
    phase,
    agent,
    part,
    part_order,
    ms,
    percent,
    count(*) over () / 8 as bars    -- a bar has eight parts
from time_budget
join run_labels using (session_id, run_id)
where phase in ('concurrent', 'solo')
order by phase, session_id, run_id, agent_index, agent, part_order
