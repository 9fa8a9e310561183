-- What a million generated tokens cost: dollars by pricing tier, energy and CO2 (TR119's table).
-- Assumptions are the parameter tables tiers and energy; the GPU's power is that of the run's
-- samples where there are any. n counts runs; tokens and time are sums over them.
with powered as (
    select
        session_id,
        run_id,
        avg(value) as sampled_w
    from samples
    where metric = 'gpu_power_w'
    group by session_id, run_id
),

produced as (
    select
        session_id,
        run_id,
        sum(output_tokens) as tokens
    from agent_runs
    group by session_id, run_id
),

per_configuration as (
    select
        run.scenario,
        run.model,
        run.runtime,
        run.phase,
        count(*) as n,
        sum(tokens) as tokens,
        sum(wall_ms) / 3.6e6 as hours,
        sum(coalesce(sampled_w, energy.watts) * wall_ms) / 3.6e9 as kwh,
        count(sampled_w) as n_sampled
    from run_metrics as run
    join produced using (session_id, run_id)
    left join powered using (session_id, run_id)
    cross join energy
    where run.phase in ('concurrent', 'solo') and tokens > 0
    group by run.scenario, run.model, run.runtime, run.phase
)

select
    scenario,
    model,
    runtime,
    phase,
    tier,
    n,
    n_sampled,          -- runs whose power was measured
    tokens,
    1e6 * hours / tokens as hours_per_million,
    1e6 * (hours * usd_hour + kwh * usd_kwh) / tokens as usd_per_million,
    1e6 * kwh / tokens as kwh_per_million,
    1e6 * kwh * kg_co2_kwh / tokens as kg_co2_per_million,
    100 * kwh * usd_kwh / (hours * usd_hour + kwh * usd_kwh) as energy_share_percent,
    concat_ws(' · ', scenario, model, runtime, phase) as label
from per_configuration
cross join energy
cross join tiers
order by scenario, model, runtime, phase, usd_hour
