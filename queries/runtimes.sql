-- Is one runtime more efficient than another? By every rule side by side, over all concurrent runs:
-- the difference of the means, second less first, with Welch's 95 % interval. `published`: as the
-- source printed it, each harness by a rule of its own. p_holm is corrected over all rows.
with ruled as (
    select
        runtime,
        rule,
        rule_order,
        percent
    from efficiencies
    where phase = 'concurrent' and runtime is not null and percent is not null
),

-- (DataFusion 55 takes what it knows to be distinct for unique even after a join, and sorts less
-- than it is asked to: so not by `select distinct`.)
runtimes as (
    select unnest(array_agg(distinct runtime)) as runtime from ruled
),

pairs as (
    select
        one.runtime as first,
        other.runtime as second
    from runtimes as one
    join runtimes as other on one.runtime < other.runtime
),

tested as (
    select
        first,
        second,
        rule,
        rule_order,
        welch(percent, runtime = second) as means,
        hedges_g(percent, runtime = second) as hedges_g
    from ruled
    join pairs on runtime in (first, second)
    group by first, second, rule, rule_order
)

select
    first,
    second,
    rule,
    means['n0'] as n_first,
    means['n1'] as n_second,
    means['mean0'] as mean_first_percent,
    means['mean1'] as mean_second_percent,
    means['difference'] as difference_points,
    means['low'] as low_points,
    means['high'] as high_points,
    means['p'] as p,
    holm(means['p']) over () as p_holm,
    hedges_g
from tested
order by first, second, rule_order
