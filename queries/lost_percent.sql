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
        count(*) as runs,
        part as step,
        -- Those that the span rule counts come first.
        case when part in ('stagger', 'tail') then 10 else 30 end + part_order as place,
        -- Null if no server told it in any run: then it stands in another.
        0 - sum(percent) / count(*) as change
    from per_run
    where part not in ('prompt', 'decode')
    group by panel, part, part_order
),

-- What is left after some of them; the runs are the same in every part.
totals as (
    select
        panel,
        max(runs) as runs,
        lefts.step,
        lefts.place,
        100 + coalesce(sum(change) filter (where parts.place < lefts.place), 0) as percent
    from parts
    cross join (
        values (0, 'all agents busy all the time'), (20, 'efficiency by span'), (50, 'the models at work')
    ) as lefts(place, step)
    group by panel, lefts.step, lefts.place
),

steps as (
    select panel, runs, place, step, percent, 'total' as kind
    from totals
    union all
    select panel, runs, place, step, change as percent, 'change' as kind
    from parts
    where change is not null
)

select
    panel,
    case when panel = '' then '' else panel || ': ' end as lead,
    runs,
    max(percent) filter (where place = 20) over (partition by panel) as span_percent,
    max(percent) filter (where place = 50) over (partition by panel) as work_percent,
    step,
    percent,
    kind
from steps
order by panel, place
