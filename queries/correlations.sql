-- Does efficiency fall where the agents differ? Each delta (second agent - first) with its sign and
-- without, against efficiency, over the concurrent runs of a runtime and model; n, Pearson's r with
-- Fisher's 95 % interval and p, Spearman and Kendall. p_holm is corrected over all rows. `published`:
-- both as the source printed them; `span`: both by one rule for all.
with deltas(delta, delta_order) as (
    values
        ('throughput, signed', 1), ('throughput, absolute', 2),
        ('ttft, signed', 3), ('ttft, absolute', 4)
),

ruled as (
    select
        efficiencies.runtime,
        efficiencies.model,
        rule,
        rule_order,
        percent,
        case rule when 'published' then published.throughput_delta_tps
            else run.throughput_delta_tps
        end as throughput_delta_tps,
        case rule when 'published' then published.ttft_delta_ms
            else run.ttft_delta_ms
        end as ttft_delta_ms
    from efficiencies
    join run_metrics as run using (session_id, run_id)
    left join published using (session_id, run_id)
    where efficiencies.phase = 'concurrent' and rule in ('published', 'span')
),

paired as (
    select
        runtime,
        model,
        rule,
        rule_order,
        delta,
        delta_order,
        percent,
        case delta
            when 'throughput, signed' then throughput_delta_tps
            when 'throughput, absolute' then abs(throughput_delta_tps)
            when 'ttft, signed' then ttft_delta_ms
            when 'ttft, absolute' then abs(ttft_delta_ms)
        end as value
    from ruled
    cross join deltas
),

correlated as (
    select
        runtime,
        model,
        rule,
        rule_order,
        delta,
        delta_order,
        count(*) as n,
        corr(value, percent) as r,
        spearman(value, percent) as spearman,
        kendall(value, percent) as kendall
    from paired
    where value is not null and percent is not null
    group by runtime, model, rule, rule_order, delta, delta_order
    having count(*) > 2
)

select
    runtime,
    model,
    rule,
    delta,
    n,
    r,
    fisher_z_low(r, n) as r_low,
    fisher_z_high(r, n) as r_high,
    correlation_p(r, n) as p,
    holm(correlation_p(r, n)) over () as p_holm,
    spearman,
    kendall,
    -- The published labels.
    case
        when abs(r) > 0.7 then 'strong'
        when abs(r) > 0.4 then 'moderate'
        when r is not null then 'weak/no'
    end as label
from correlated
order by runtime, model, rule_order, delta_order
