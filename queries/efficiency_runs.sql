-- How efficient was every run, by each rule? One row a concurrent run and rule, with the quartiles of
-- its configuration (type 7); a panel a rule, a group a configuration.
with measured as (
    select
        rule,
        rule_order,
        coalesce(nullif(configuration, ''), 'all runs') as configuration,
        run_number,
        percent
    from efficiencies
    join run_labels using (session_id, run_id)
    where phase = 'concurrent' and percent is not null
),

quartiles as (
    select
        rule,
        configuration,
        count(*) as n,
        percentile(percent, 0.25) as p25_percent,
        percentile(percent, 0.5) as p50_percent,
        percentile(percent, 0.75) as p75_percent
    from measured
    group by rule, configuration
)

select
    'by ' || measured.rule as panel,
    measured.rule,
    measured.configuration,
    run_number,
    percent,
    n,
    p25_percent,
    p50_percent,
    p75_percent
from measured
join quartiles using (rule, configuration)
order by rule_order, measured.configuration, run_number, percent
