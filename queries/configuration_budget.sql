-- Where the wall time of each configuration went: one row a part of a bar, a bar an agent of a
-- configuration; the mean over its runs. The parts of a bar add up to 100 %.
with named as (
    select
        budget.*,
        -- Of the run's name all but its number.
        regexp_replace(label, '^run [0-9]+( · )?', '') as configuration
    from time_budget as budget
    join run_labels using (session_id, run_id)
    where phase in ('concurrent', 'solo')
),

averaged as (
    select
        phase,
        configuration,
        agent,
        agent_index,
        part,
        part_order,
        count(*) as runs,
        sum(ms) / count(*) as ms,
        -- Null if no server told it in any of them: then it stands in another.
        sum(percent) / count(*) as percent
    from named
    group by phase, configuration, agent, agent_index, part, part_order
)

select
    phase as panel,
    concat_ws(' · ', nullif(configuration, ''), agent) as bar,
    configuration,
    phase,
    agent,
    part,
    part_order,
    runs,
    ms,
    percent,
    count(*) over () / 8 as bars    -- a bar has eight parts
from averaged
order by phase, configuration, agent_index, agent, part_order
