-- How does speed scale with a model's size? A power law through the models' mean times a token and a
-- prompt token, as the server reported: exponent with its 95 % interval, R^2, p and Spearman's rank
-- correlation (TR121's table). Sizes are the parameter table models; fewer than three say nothing.
with timed as (
    select
        runtime,
        scenario,
        phase,
        request.model,
        parameters_b,
        sum(eval_duration_ns) filter (where eval_count > 0) / 1e6
            / sum(eval_count) filter (where eval_duration_ns is not null) as decode_ms_per_token,
        sum(prompt_eval_duration_ns) filter (where prompt_eval_count > 0) / 1e6
            / sum(prompt_eval_count) filter (where prompt_eval_duration_ns is not null)
            as prompt_ms_per_token
    from request_times as request
    join models on models.model = request.model
    where generates and phase in ('concurrent', 'solo')
    group by runtime, scenario, phase, request.model, parameters_b
),

phases as (
    select runtime, scenario, phase, model, parameters_b, 'decode' as step,
        decode_ms_per_token as ms_per_token
    from timed
    union all
    select runtime, scenario, phase, model, parameters_b, 'prompt' as step,
        prompt_ms_per_token as ms_per_token
    from timed
),

fitted as (
    select
        runtime,
        scenario,
        phase,
        step,
        log_log_fit(ms_per_token, parameters_b) as fit,
        spearman(ms_per_token, parameters_b) as spearman
    from phases
    where ms_per_token is not null
    group by runtime, scenario, phase, step
    having count(*) > 2
)

select
    runtime,
    scenario,
    phase,
    step,
    fit['n'] as models,
    fit['exponent'] as exponent,
    fit['low'] as low,
    fit['high'] as high,
    fit['coefficient'] as ms_per_token_at_1b,
    fit['r2'] as r2,
    fit['p'] as p,
    spearman,
    concat_ws(' · ', step, runtime, scenario, phase) as label
from fitted
order by runtime, scenario, phase, step
