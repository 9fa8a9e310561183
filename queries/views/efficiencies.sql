-- One row a run and rule: its efficiency by that rule, null where the rule has none. `published` is what
-- an imported session's source printed, by a definition of its own.
with rules(rule, rule_order) as (
    values ('published', 1), ('span', 2), ('server', 3), ('solo', 4)
)
select
    run.session_id,
    run.run_id,
    run.run_number,
    run.scenario,
    run.model,
    run.runtime,
    run.topology,
    run.config,
    run.phase,
    rule,
    rule_order,
    case rule
        when 'published' then published.efficiency_percent
        when 'span' then run.efficiency_span_percent
        when 'server' then run.efficiency_server_percent
        when 'solo' then run.efficiency_solo_percent
    end as percent,
    case rule
        when 'published' then published.speedup
        when 'span' then run.speedup_span
        when 'server' then run.speedup_server
        when 'solo' then run.speedup_solo
    end as speedup
from run_metrics as run
left join published using (session_id, run_id)
cross join rules
