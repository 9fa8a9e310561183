-- Efficiency of concurrent runs under every rule side by side: one row a configuration and rule.
-- `span` only sees one agent outlasting another, `solo` sees both slowing each other down too.
with rules(rule, rule_order) as (
    values ('span', 1), ('server', 2), ('solo', 3)
),

ruled as (
    select
        scenario,
        model,
        runtime,
        topology,
        config,
        rule,
        rule_order,
        case rule
            when 'span' then efficiency_span_percent
            when 'server' then efficiency_server_percent
            when 'solo' then efficiency_solo_percent
        end as percent,
        case rule
            when 'span' then speedup_span
            when 'server' then speedup_server
            when 'solo' then speedup_solo
        end as speedup
    from run_metrics
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
    stddev_samp(percent) as sd_percent,
    min(percent) as min_percent,
    max(percent) as max_percent,
    avg(speedup) as mean_speedup
from ruled
group by scenario, model, runtime, topology, config, rule, rule_order
order by scenario, model, runtime, topology, config, rule_order
