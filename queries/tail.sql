-- Does the mean hide a tail? Mean against median and the far percentiles of a request's time, by its
-- shape: tokens of the prompt and of the answer, each rounded down to a power of two (TR120's table).
with shaped as (
    select
        phase,
        model,
        cast(power(2, floor(log2(nullif(prompt_eval_count, 0)))) as bigint) as prompt_tokens_from,
        cast(power(2, floor(log2(nullif(output_tokens, 0)))) as bigint) as output_tokens_from,
        (until_ns - start_ns) / 1e6 as ms
    from request_times
    where generates and outcome = 'complete' and phase in ('concurrent', 'solo')
)

select
    phase,
    model,
    prompt_tokens_from,
    output_tokens_from,
    count(ms) as n,
    avg(ms) as mean_ms,
    mean_low(ms) as mean_low_ms,
    mean_high(ms) as mean_high_ms,
    percentile(ms, 0.5) as p50_ms,
    percentile(ms, 0.9) as p90_ms,
    percentile(ms, 0.99) as p99_ms,
    avg(ms) / percentile(ms, 0.5) as mean_over_median,
    percentile(ms, 0.99) / percentile(ms, 0.5) as p99_over_median
from shaped
group by phase, model, prompt_tokens_from, output_tokens_from
order by phase, model, prompt_tokens_from, output_tokens_from
