-- What explains the gap between two runtimes: their time budgets side by side, in percent of N * W,
-- means over the concurrent runs. By the span rule the gap is what stagger and tail differ by, by
-- the server rule all parts but prompt and decode. A part that is not known stands in transport.
with per_run as (
    select
        session_id,
        run_id,
        runtime,
        part,
        part_order,
        avg(percent) as percent     -- over the agents, so that the parts make 100
    from time_budget
    where phase = 'concurrent' and runtime is not null
    group by session_id, run_id, runtime, part, part_order
),

-- (Not by `select distinct`: see runtimes.sql.)
runtimes as (
    select unnest(array_agg(distinct runtime)) as runtime from per_run
),

pairs as (
    select
        one.runtime as first,
        other.runtime as second
    from runtimes as one
    join runtimes as other on one.runtime < other.runtime
)

select
    first,
    second,
    part,
    part in ('stagger', 'tail') as lost_by_span,
    part not in ('prompt', 'decode') as lost_by_server,
    avg(percent) filter (where runtime = first) as first_percent,
    avg(percent) filter (where runtime = second) as second_percent,
    case when count(percent) > 0
        then coalesce(avg(percent) filter (where runtime = second), 0)
            - coalesce(avg(percent) filter (where runtime = first), 0)
    end as difference_points
from per_run
join pairs on runtime in (first, second)
group by first, second, part, part_order
order by first, second, part_order
