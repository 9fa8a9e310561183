-- Which runtime is best, and is the ranking real? Runtimes ranked by mean efficiency (span rule) within
-- model and scenario, with spread; `p_next`: Welch's p that a runtime is like the next in rank,
-- corrected by Holm; `p_all`: Kruskal and Wallis's p that all are alike (TR115's table).
with measured as (
    select
        model,
        scenario,
        runtime,
        efficiency_span_percent as percent
    from run_metrics
    where phase = 'concurrent' and runtime is not null and efficiency_span_percent is not null
),

ranked as (
    select
        model,
        scenario,
        runtime,
        count(*) as n,
        avg(percent) as mean_percent,
        mean_low(percent) as low_percent,
        mean_high(percent) as high_percent,
        stddev_samp(percent) as sd_percent,
        min(percent) as min_percent,
        max(percent) as max_percent,
        row_number() over (partition by model, scenario order by avg(percent) desc) as rank
    from measured
    group by model, scenario, runtime
),

alike as (
    select
        model,
        scenario,
        kruskal_wallis(percent, runtime)['p'] as p_all
    from measured
    group by model, scenario
),

neighbours as (
    select
        ranked.model,
        ranked.scenario,
        ranked.rank,
        welch(percent, measured.runtime = ranked.runtime)['p'] as p_next
    from ranked
    join ranked as next
        on (next.model is not distinct from ranked.model)
        and (next.scenario is not distinct from ranked.scenario)
        and next.rank = ranked.rank + 1
    join measured
        on (measured.model is not distinct from ranked.model)
        and (measured.scenario is not distinct from ranked.scenario)
        and measured.runtime in (ranked.runtime, next.runtime)
    group by ranked.model, ranked.scenario, ranked.rank
)

select
    ranked.model,
    ranked.scenario,
    ranked.rank,
    runtime,
    n,
    mean_percent,
    low_percent,
    high_percent,
    sd_percent,
    min_percent,
    max_percent,
    holm(p_next) over () as p_next,
    p_all
from ranked
left join neighbours
    on (neighbours.model is not distinct from ranked.model)
    and (neighbours.scenario is not distinct from ranked.scenario)
    and neighbours.rank = ranked.rank
left join alike
    on (alike.model is not distinct from ranked.model)
    and (alike.scenario is not distinct from ranked.scenario)
order by ranked.model, ranked.scenario, ranked.rank
