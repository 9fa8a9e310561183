-- How much of a published gap between two runtimes is real? From the first's published efficiency to the
-- second's: what each harness's own rule adds to the span rule, and between the two what by that one rule
-- remains, as stagger and tail. Means over the concurrent runs; only where a source published figures.
with ruled as (
    select
        runtime,
        avg(percent) filter (where rule = 'published') as published,
        avg(percent) filter (where rule = 'span') as span,
        count(percent) filter (where rule = 'published') as n
    from efficiencies
    where phase = 'concurrent' and runtime is not null
    group by runtime
),

per_run as (
    select
        runtime,
        part,
        avg(percent) as percent
    from time_budget
    where phase = 'concurrent' and part in ('stagger', 'tail')
    group by runtime, session_id, run_id, part
),

lost as (
    select
        runtime,
        avg(percent) filter (where part = 'stagger') as stagger,
        avg(percent) filter (where part = 'tail') as tail
    from per_run
    group by runtime
),

sides as (
    select
        ruled.runtime,
        published,
        span,
        n,
        stagger,
        tail
    from ruled
    join lost on lost.runtime = ruled.runtime
    where n > 0
),

pairs as (
    select
        one.runtime || ' to ' || other.runtime as panel,
        one.runtime as first,
        other.runtime as second,
        one.n as n_first,
        other.n as n_second,
        one.published as published_first,
        other.published as published_second,
        other.published - one.published as gap_points,
        one.span - one.published as rule_first,
        other.published - other.span as rule_second,
        one.stagger - other.stagger as stagger,
        one.tail - other.tail as tail
    from sides as one
    join sides as other on one.published < other.published
),

places(place) as (values (1), (2), (3), (4), (5), (6))

select
    panel,
    first,
    second,
    gap_points,
    rule_first + rule_second as rules_points,
    stagger + tail as span_points,
    n_first,
    n_second,
    case place
        when 1 then first || ', as published'
        when 2 then first || ' by the span rule instead'
        when 3 then 'agents begin together (stagger)'
        when 4 then 'agents end together (tail)'
        when 5 then second || ' by its own rule instead'
        when 6 then second || ', as published'
    end as step,
    case place
        when 1 then published_first
        when 2 then rule_first
        when 3 then stagger
        when 4 then tail
        when 5 then rule_second
        when 6 then published_second
    end as percent,
    case when place in (1, 6) then 'total' else 'change' end as kind
from pairs
cross join places
order by panel, place
