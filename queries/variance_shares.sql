-- How much of efficiency's spread goes with what? The shares of the sum of squares (eta squared, type II)
-- that runtime, model, scenario and their interactions have over the concurrent runs, and what is left
-- within the cells. In unequal cells they do not quite add up to 100.
with analysed as (
    select
        rule,
        rule_order,
        unnest(anova(percent, {runtime: runtime, model: model, scenario: scenario})) as term
    from efficiencies
    where phase = 'concurrent' and percent is not null
    group by rule, rule_order
),

sources as (
    select
        rule,
        rule_order,
        case when term['term'] = 'residual' then 'within the cells' else term['term'] end as source,
        term['term'] = 'residual' as is_residual,
        term['f'] as f,
        term['p'] as p,
        term['df'] as df,
        term['ss'] as ss,
        max(term['ss']) filter (where term['term'] = 'total') over (partition by rule) as total_ss
    from analysed
)

select
    'by ' || rule as panel,
    rule,
    source,
    df,
    100 * ss / nullif(total_ss, 0) as share_percent,
    p
from sources
where source <> 'total' and df > 0
    -- Where there is nothing to tell apart, all that is left is the residual.
    and rule in (select rule from sources where f is not null)
order by rule_order, is_residual, source
