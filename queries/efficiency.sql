-- Efficiency of concurrent runs under every rule side by side: one row a configuration and rule.
-- `span` only sees one agent outlasting another, `solo` sees both slowing each other down too; of an
-- imported session, `published` is what its source printed. With the 95 % interval of the mean.
with rules(rule, rule_order) as (
    values ('published', 0), ('span', 1), ('server', 2), ('solo', 3)
),

ruled as (
    select
        run.scenario,
        run.model,
        run.runtime,
        topology,
        config,
        rule,
        rule_order,
        case rule
            when 'published' then published.efficiency_percent
            when 'span' then efficiency_span_percent
            when 'server' then efficiency_server_percent
            when 'solo' then efficiency_solo_percent
        end as percent,
        case rule
            when 'published' then published.speedup
            when 'span' then speedup_span
            when 'server' then speedup_server
            when 'solo' then speedup_solo
        end as speedup
    from run_metrics as run
    left join published using (session_id, run_id)
    cross join rules
    where phase = 'concurrent'
)

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
from ruled
group by scenario, model, runtime, topology, config, rule, rule_order
having rule <> 'published' or count(percent) > 0
order by scenario, model, runtime, topology, config, rule_order
