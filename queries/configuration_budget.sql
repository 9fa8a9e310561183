-- Where the wall time of each configuration went: one row a part of a bar, a bar an agent of a
-- configuration, a panel a phase and scenario; the mean over its runs. The parts of a bar add up to 100 %.
with named as (
    select
        budget.*,
        configuration
    from time_budget as budget
    join run_labels using (session_id, run_id)
    where phase in ('concurrent', 'solo')
),

placed as (
    select
        *,
        -- A scenario that tells runs apart stands above them, not in front of each.
        starts_with(configuration || ' · ', scenario || ' · ') as is_above
    from named
),

averaged as (
    select
        phase,
        case when is_above then scenario end as scenario,
        case when is_above then substr(configuration, length(scenario) + 4)
            else configuration
        end as configuration,
        agent,
        agent_index,
        part,
        part_order,
        count(*) as runs,
        sum(ms) / count(*) as ms,
        -- Null if no server told it in any of them: then it stands in another.
        sum(percent) / count(*) as percent
    from placed
    group by phase, is_above, scenario, configuration, agent, agent_index, part, part_order
),

bars as (
    select
        *,
        concat_ws(' · ', nullif(configuration, ''), agent) as bar
    from averaged
),

-- How much of the concurrent runs the model was at work for an agent.
worked as (
    select
        concat_ws(' · ', scenario, bar) as bar,
        sum(percent) as percent
    from bars
    where phase = 'concurrent' and part in ('prompt', 'decode')
    group by scenario, bar
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
    concat_ws(' · ', phase, scenario) as panel,
    bar,
    configuration,
    phase,
    agent,
    part,
    part_order,
    runs,
    ms,
    percent,
    count(*) over () / 8 as bars,   -- a bar has eight parts
    least_percent,
    least_bar,
    most_percent,
    most_bar
from bars
cross join extremes
order by phase, scenario, configuration, agent_index, agent, part_order
