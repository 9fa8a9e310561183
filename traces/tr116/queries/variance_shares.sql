-- What share of the variance of the published efficiency goes with the model, the scenario, and
-- whether a run was the first of its configuration: eta squared, one factor at a time, in percent
-- of the sum of squares over all runs of a runtime.
with factors(factor) as (
    values ('model'), ('scenario'), ('first run')
),

levelled as (
    select
        runtime,
        factor,
        case factor
            when 'model' then model
            when 'scenario' then scenario
            when 'first run' then case when run_number = 1 then 'yes' else 'no' end
        end as level,
        efficiency_percent as percent
    from published
    cross join factors
),

per_level as (
    select
        runtime,
        factor,
        level,
        count(*) as n,
        avg(percent) as mean,
        var_samp(percent) * (count(*) - 1) as within_squares
    from levelled
    group by runtime, factor, level
),

per_factor as (
    select
        runtime,
        factor,
        sum(n) as n,
        sum(within_squares) as within_squares,
        sum(n * mean * mean) - power(sum(n * mean), 2) / sum(n) as between_squares
    from per_level
    group by runtime, factor
)

select
    runtime,
    factor,
    n,
    100 * between_squares / (between_squares + within_squares) as share_percent
from per_factor
order by runtime, factor
