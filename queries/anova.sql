-- What does efficiency depend on? Analysis of variance of the concurrent runs by runtime, model and
-- scenario with all interactions (type II). `published`: each harness by a rule of its own; so the
-- runtime's share there is also that of the rule. Shares (eta squared) are of the total.
with analysed as (
    select
        rule,
        rule_order,
        unnest(anova(percent, {runtime: runtime, model: model, scenario: scenario})) as term
    from efficiencies
    where phase = 'concurrent' and percent is not null
    group by rule, rule_order
)

select
    rule,
    term['term'] as term,
    term['df'] as df,
    term['ss'] as sum_of_squares,
    term['f'] as f,
    term['p'] as p,
    100 * term['eta2'] as eta2_percent,
    100 * term['omega2'] as omega2_percent
from analysed
where term['df'] > 0
    -- Where there is nothing to tell apart, all that is left is the residual and the total.
    and rule in (select rule from analysed where term['f'] is not null)
order by rule_order
