-- Does a run in which the agents' rates differ have a lower efficiency? Pearson's r of the
-- published throughput delta with the published efficiency, over the runs of a runtime and model;
-- of the delta with its sign (insight - collector), and of its size. The label follows the
-- published rule.
with deltas(delta) as (
    values ('signed'), ('absolute')
),

correlated as (
    select
        runtime,
        model,
        delta,
        count(*) as n,
        corr(
            case delta
                when 'signed' then throughput_delta_tps
                when 'absolute' then abs(throughput_delta_tps)
            end,
            efficiency_percent
        ) as r
    from published
    cross join deltas
    where throughput_delta_tps is not null and efficiency_percent is not null
    group by runtime, model, delta
)

select
    runtime,
    model,
    delta,
    n,
    r,
    correlation_p(r, n) as p,
    fisher_z_low(r, n) as r_low,
    fisher_z_high(r, n) as r_high,
    case
        when abs(r) > 0.7 then 'Strong'
        when abs(r) > 0.4 then 'Moderate'
        else 'Weak/no'
    end || case
        when abs(r) <= 0.4 then ''
        when r > 0 then ' positive'
        else ' negative'
    end || ' correlation' as label
from correlated
order by runtime, model, delta desc
