-- How much of the spread of the published efficiency lies between the models of a runtime, by the
-- published rule: between is the variance of the models' means, within the unweighted mean of
-- their variances, total the sum of both (which is not the variance of all runs).
with per_model as (
    select
        runtime,
        model,
        avg(efficiency_percent) as mean_percent,
        var_samp(efficiency_percent) as variance
    from published
    group by runtime, model
),

per_runtime as (
    select
        runtime,
        var_samp(mean_percent) as between_models,
        avg(variance) as within_models
    from per_model
    group by runtime
)

select
    runtime,
    between_models,
    within_models,
    between_models + within_models as total,
    100 * between_models / (between_models + within_models) as between_share_percent
from per_runtime
order by runtime
