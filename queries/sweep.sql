-- Which configuration of a sweep is best? Configurations ranked by mean throughput within scenario,
-- model, runtime and topology; the gain over the baseline (parameter table baseline) with p, corrected by Holm,
-- and how many of the runs beat the baseline's mean (TR108 to TR111: ranking and success rate).
with per_run as (
    select
        scenario,
        model,
        runtime,
        topology,
        phase,
        run.config,
        run.config = baseline.config as is_baseline,
        sum(output_tokens) * 1e3 / min(wall_ns / 1e6) as tokens_per_s
    from agent_runs as run
    cross join baseline
    where phase in ('concurrent', 'solo')
    group by session_id, run_id, scenario, model, runtime, topology, phase, run.config, baseline.config
),

beside as (
    select
        one.*,
        avg(case when is_baseline then tokens_per_s end) over alike as baseline_tokens_per_s
    from per_run as one
    window alike as (partition by scenario, model, runtime, topology, phase)
),

-- Every configuration's runs, and beside them the baseline's.
sides as (
    select scenario, model, runtime, topology, phase, config, tokens_per_s, true as is_it from per_run
    union all
    select
        one.scenario,
        one.model,
        one.runtime,
        one.topology,
        one.phase,
        other.config,
        one.tokens_per_s,
        false as is_it
    from per_run as one
    join (
        select distinct scenario, model, runtime, topology, phase, config from per_run where not is_baseline
    ) as other
        on (other.scenario is not distinct from one.scenario)
        and (other.model is not distinct from one.model)
        and (other.runtime is not distinct from one.runtime)
        and (other.topology is not distinct from one.topology)
        and other.phase = one.phase
    where one.is_baseline
),

tested as (
    select
        scenario,
        model,
        runtime,
        topology,
        phase,
        config,
        welch(tokens_per_s, is_it)['p'] as p
    from sides
    group by scenario, model, runtime, topology, phase, config
),

ranked as (
    select
        scenario,
        model,
        runtime,
        topology,
        phase,
        config,
        count(*) as n,
        avg(tokens_per_s) as mean_tokens_per_s,
        stddev_samp(tokens_per_s) as sd_tokens_per_s,
        mean_low(tokens_per_s) as low_tokens_per_s,
        mean_high(tokens_per_s) as high_tokens_per_s,
        100 * (avg(tokens_per_s) / min(baseline_tokens_per_s) - 1) as gain_percent,
        100 * avg(case when tokens_per_s > baseline_tokens_per_s then 1.0 else 0.0 end)
            filter (where baseline_tokens_per_s is not null) as success_percent
    from beside
    group by scenario, model, runtime, topology, phase, config
)

select
    ranked.scenario,
    ranked.model,
    ranked.runtime,
    ranked.topology,
    ranked.phase,
    row_number() over (
        partition by ranked.scenario, ranked.model, ranked.runtime, ranked.topology, ranked.phase
        order by mean_tokens_per_s desc
    ) as rank,
    ranked.config,
    n,
    mean_tokens_per_s,
    sd_tokens_per_s,
    low_tokens_per_s,
    high_tokens_per_s,
    gain_percent,
    p,
    holm(p) over () as p_holm,
    success_percent
from ranked
left join tested
    on (tested.scenario is not distinct from ranked.scenario)
    and (tested.model is not distinct from ranked.model)
    and (tested.runtime is not distinct from ranked.runtime)
    and (tested.topology is not distinct from ranked.topology)
    and tested.phase = ranked.phase
    and (tested.config is not distinct from ranked.config)
order by ranked.scenario, ranked.model, ranked.runtime, ranked.topology, ranked.phase, rank
