-- Efficiency of concurrent runs under every rule side by side: one row a configuration and rule.
-- `span` only sees one agent outlasting another, `solo` sees both slowing each other down too; of an
-- imported session, `published` is what its source printed. With the 95 % interval of the mean.
select
    scenario,
    model,
    runtime,
    topology,
    config,
    rule,
    count(percent) as n,        -- runs that have a figure by this rule
    avg(percent) as mean_percent,
    mean_low(percent) as low_percent,
    mean_high(percent) as high_percent,
    stddev_samp(percent) as sd_percent,
    min(percent) as min_percent,
    max(percent) as max_percent,
    avg(speedup) as mean_speedup
from efficiencies
where phase = 'concurrent'
group by scenario, model, runtime, topology, config, rule, rule_order
having rule <> 'published' or count(percent) > 0
order by scenario, model, runtime, topology, config, rule_order
