-- How did efficiency go from run to run? By the span rule, one row a concurrent run; a panel a model and
-- scenario, a line what else tells configurations apart.
with varying as (
    select
        session_id,
        run_id,
        run_number,
        scenario,
        model,
        coalesce(runtime, '') as runtime,
        coalesce(topology, '') as topology,
        coalesce(config, '') as config,
        efficiency_span_percent as percent,
        min(coalesce(runtime, '')) over () <> max(coalesce(runtime, '')) over () as runtimes,
        min(coalesce(topology, '')) over () <> max(coalesce(topology, '')) over () as topologies,
        min(coalesce(config, '')) over () <> max(coalesce(config, '')) over () as configs,
        min(session_id) over () <> max(session_id) over () as sessions,
        dense_rank() over (order by session_id) as session_number
    from run_metrics
    where phase = 'concurrent' and efficiency_span_percent is not null
)

select
    concat_ws(' · ', scenario, model) as panel,
    concat_ws(
        ' · ',
        case when runtimes then runtime end,
        case when topologies then topology end,
        case when configs then config end,
        case when sessions then 'session ' || session_number end
    ) as line,
    run_number,
    percent
from varying
order by panel, line, run_number, run_id
