-- How efficient was each configuration, by each rule? One row a configuration and rule: the mean over
-- its concurrent runs with its 95 % interval (Student's t).
select
    coalesce(nullif(configuration, ''), 'all runs') as configuration,
    'by ' || rule as rule,
    count(percent) as n,        -- runs
    avg(percent) as mean_percent,
    mean_low(percent) as low_percent,
    mean_high(percent) as high_percent
from efficiencies
join run_labels using (session_id, run_id)
where phase = 'concurrent' and percent is not null
group by configuration, rule, rule_order
order by configuration, rule_order
