-- The answer in sentences, one a row: how efficient running side by side was by each rule, what it
-- cost each agent, and where the time went. The figures are those of the views `configurations` and
-- `time_budget`, rounded; of several configurations the least and the most.
with configured as (
    select
        *,
        -- As much of the configuration as tells it from the others.
        concat_ws(
            ' · ',
            case when min(coalesce(scenario, '')) over () <> max(coalesce(scenario, '')) over ()
                then scenario
            end,
            case when min(coalesce(model, '')) over () <> max(coalesce(model, '')) over ()
                then model
            end,
            case when min(coalesce(runtime, '')) over () <> max(coalesce(runtime, '')) over ()
                then runtime
            end,
            case when min(coalesce(topology, '')) over () <> max(coalesce(topology, '')) over ()
                then topology
            end,
            case when min(coalesce(config, '')) over () <> max(coalesce(config, '')) over ()
                then config
            end
        ) as name
    from configurations
),

rules(rule, rule_order, meaning) as (
    values
        ('span', 1, 'which only sees one agent outlasting another'),
        ('server', 2, 'which counts what the servers said they computed'),
        ('solo', 3, 'which compares with each agent alone, and so sees them slow each other down')
),

ruled as (
    select
        rule,
        rule_order,
        meaning,
        name,
        n,
        case rule
            when 'span' then span_percent
            when 'server' then server_percent
            when 'solo' then solo_percent
        end as percent,
        case rule when 'span' then span_pm when 'server' then server_pm when 'solo' then solo_pm
        end as pm
    from configured
    cross join rules
),

told as (
    select
        *,
        round(percent, 1) || '%' as figure,
        case when pm is null then 'of ' || n || ' run, so without an interval'
            else '95% interval ' || round(percent - pm, 1) || ' to ' || round(percent + pm, 1)
                || ', n = ' || n
        end as within
    from ruled
    where percent is not null
),

efficient as (
    select
        rule_order as place,
        'efficiency' as query,
        rule,
        case when count(*) = 1
            then 'By the `' || rule || '` rule, ' || meaning || ', running side by side was '
                || min(figure) || ' efficient (' || min(within) || ').'
            else 'By the `' || rule || '` rule, ' || meaning || ', the ' || count(*)
                || ' configurations were ' || first_value(figure order by percent, name)
                || ' efficient (' || first_value(name order by percent, name) || '; '
                || first_value(within order by percent, name) || ') to '
                || last_value(figure order by percent, name) || ' ('
                || last_value(name order by percent, name) || '; '
                || last_value(within order by percent, name) || ').'
        end as sentence
    from told
    group by rule, rule_order, meaning
),

placed(place, agent_index) as (
    values (4, 0), (5, 1)
),

named as (
    select
        agent_index,
        case when min(agent) = max(agent) then '`' || min(agent) || '`'
            when agent_index = 0 then 'the first agent'
            else 'the second agent'
        end as agent
    from agents
    group by agent_index
),

slowed as (
    select
        place,
        agent,
        case agent_index when 0 then first_slowdown else second_slowdown end as slowdown
    from configured
    cross join placed
    join named using (agent_index)
),

cost as (
    select
        place,
        'slowdown' as query,
        cast(null as varchar) as rule,
        'Side by side, the time between two tokens of ' || agent || ' was '
            || case when count(*) = 1 then cast(round(min(slowdown), 2) as varchar)
                else round(min(slowdown), 2) || ' to ' || round(max(slowdown), 2)
            end || ' times what it is alone.' as sentence
    from slowed
    where slowdown is not null
    group by place, agent
),

shares as (
    select
        part,
        part_order,
        part in ('prompt', 'decode') as is_model,
        avg(percent) as percent
    from time_budget
    where phase = 'concurrent' and percent is not null
    group by part, part_order
),

spent as (
    select
        6 as place,
        'budget' as query,
        'server' as rule,
        'Of the agents'' time in the concurrent runs the model was at work for '
            || round(sum(percent) filter (where is_model), 1) || '% ('
            || string_agg(part || ' ' || round(percent, 1) || '%', ', ' order by percent desc)
                filter (where is_model)
            || '); by the `server` rule the rest is lost'
            || coalesce(
                ': ' || string_agg(
                    part || ' ' || round(percent, 1) || '%', ', ' order by percent desc
                ) filter (where not is_model and percent >= 0.05),
                ''
            ) || '.' as sentence
    from shares
    having sum(percent) filter (where is_model) is not null
)

select query, rule, sentence
from (
    select place, query, rule, sentence from efficient
    union all
    select place, query, rule, sentence from cost
    union all
    select place, query, rule, sentence from spent
)
order by place
