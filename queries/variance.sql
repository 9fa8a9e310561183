-- How much of the spread of efficiency lies between models? Two ways side by side, per runtime:
-- `published` (between: variance of the models' means; within: unweighted mean of their variances;
-- total: the sum of both) and one-way ANOVA. Efficiency as published and by the span rule.
with ruled as (
    select
        runtime,
        model,
        rule,
        rule_order,
        percent
    from efficiencies
    where phase = 'concurrent' and rule in ('published', 'span') and percent is not null
),

per_model as (
    select
        runtime,
        model,
        rule,
        avg(percent) as mean_percent,
        var_samp(percent) as variance
    from ruled
    group by runtime, model, rule
),

as_published as (
    select
        runtime,
        rule,
        count(*) as models,
        var_samp(mean_percent) as between_models,
        avg(variance) as within_models
    from per_model
    group by runtime, rule
),

analysed as (
    select
        runtime,
        rule,
        rule_order,
        count(*) as n,
        anova(percent, {model: model})[1] as effect,
        icc(percent, model) as icc
    from ruled
    group by runtime, rule, rule_order
)

select
    runtime,
    rule,
    n,
    models,
    between_models,
    within_models,
    between_models + within_models as total,
    100 * between_models / (between_models + within_models) as between_share_percent,
    effect['f'] as f,
    effect['p'] as p,
    100 * effect['eta2'] as eta2_percent,
    100 * effect['omega2'] as omega2_percent,
    icc
from analysed
join as_published using (runtime, rule)
where models > 1
order by runtime, rule_order
