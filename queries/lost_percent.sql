-- Where did the lost percent go? One row a step, means over the concurrent runs, in percent of the agents'
-- time: what stagger and tail take away leaves the efficiency by the span rule; what client, transport,
-- queue and load take besides leaves the time in which a model worked (prompt and decode), which is the
-- efficiency by the server rule where every run has one. A panel what tells topologies and runtimes apart.
with labelled as (
    select
        budget.*,
        min(coalesce(topology, '')) over () <> max(coalesce(topology, '')) over () as topologies,
        min(coalesce(runtime, '')) over () <> max(coalesce(runtime, '')) over () as runtimes
    from time_budget as budget
    where phase = 'concurrent'
),

per_run as (
    select
        concat_ws(
            ' · ',
            case when topologies then topology end,
            case when runtimes then runtime end
        ) as panel,
        session_id,
        run_id,
        part,
        part_order,
        avg(percent) as percent     -- over the agents, so that the parts make 100
    from labelled
    group by topologies, runtimes, topology, runtime, session_id, run_id, part, part_order
),

parts as (
    select
        panel,
        part,
        -- Those that the span rule counts come first.
        case when part in ('stagger', 'tail') then 10 else 30 end + part_order as place,
        -- Null if no server told it in any run: then it stands in another.
        0 - sum(percent) / count(*) as change
    from per_run
    where part not in ('prompt', 'decode')
    group by panel, part, part_order
),

runs_of as (
    select
        panel,
        count(*) as runs
    from (select distinct panel, session_id, run_id from per_run) as each_run
    group by panel
),

totals as (
    select
        panel,
        100 as start,
        100 + sum(change) filter (where place < 20) as by_span,
        100 + sum(change) as at_work
    from parts
    group by panel
),

steps as (
    select panel, 0 as place, 'all agents busy all the time' as step, start as percent, 'total' as kind
    from totals
    union all
    select panel, 20 as place, 'efficiency by span' as step, by_span as percent, 'total' as kind
    from totals
    union all
    select panel, 50 as place, 'the models at work' as step, at_work as percent, 'total' as kind
    from totals
    union all
    select panel, place, part as step, change as percent, 'change' as kind
    from parts
    where change is not null
)

select
    steps.panel,
    case when steps.panel = '' then '' else steps.panel || ': ' end as lead,
    runs,
    by_span as span_percent,
    at_work as work_percent,
    step,
    percent,
    kind
from steps
join totals on totals.panel = steps.panel
join runs_of on runs_of.panel = steps.panel
order by steps.panel, place
