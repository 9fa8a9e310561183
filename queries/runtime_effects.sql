-- How much more efficient is each runtime than the one that is best by the span rule? The difference of
-- the means over all concurrent runs, by every rule, with Welch's 95 % interval.
with ruled as (
    select
        runtime,
        rule,
        rule_order,
        percent
    from efficiencies
    where phase = 'concurrent' and runtime is not null and percent is not null
),

best as (
    select runtime as best_runtime
    from ruled
    where rule = 'span'
    group by runtime
    order by avg(percent) desc, runtime
    limit 1
),

others as (
    select unnest(array_agg(distinct runtime)) as other_runtime from ruled
),

tested as (
    select
        rule,
        rule_order,
        best_runtime,
        other_runtime,
        welch(percent, runtime = other_runtime) as means
    from ruled
    cross join best
    join others on runtime in (best_runtime, other_runtime)
    where other_runtime <> best_runtime
    group by rule, rule_order, best_runtime, other_runtime
)

select
    'by ' || rule as panel,
    best_runtime,
    other_runtime || ' less ' || best_runtime as label,
    means['n0'] + means['n1'] as n,
    means['difference'] as difference_points,
    means['low'] as low_points,
    means['high'] as high_points
from tested
order by rule_order, difference_points, other_runtime
