-- Is one runtime more efficient than another? By every rule side by side, over all concurrent runs:
-- the difference of the means, second less first, with Welch's 95 % interval. `published`: as the
-- source printed it, each harness by a rule of its own. p_holm is corrected over all rows.
with rules(rule, rule_order) as (
    values ('published', 1), ('span', 2), ('server', 3), ('solo', 4)
),

ruled as (
    select
        run.runtime,
        rule,
        rule_order,
        case rule
            when 'published' then published.efficiency_percent
            when 'span' then run.efficiency_span_percent
            when 'server' then run.efficiency_server_percent
            when 'solo' then run.efficiency_solo_percent
        end as percent
    from run_metrics as run
    left join published using (session_id, run_id)
    cross join rules
    where run.phase = 'concurrent' and run.runtime is not null
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
    where percent is not null
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
