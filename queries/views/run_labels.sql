-- One row a run, with a short name for figures: 'run 3', and as much of its configuration as it
-- takes to tell it from the other runs at hand.
with varying as (
    select
        *,
        min(coalesce(scenario, '')) over () <> max(coalesce(scenario, '')) over () as scenarios,
        min(coalesce(model, '')) over () <> max(coalesce(model, '')) over () as models,
        min(coalesce(runtime, '')) over () <> max(coalesce(runtime, '')) over () as runtimes,
        min(coalesce(topology, '')) over () <> max(coalesce(topology, '')) over () as topologies,
        min(coalesce(config, '')) over () <> max(coalesce(config, '')) over () as configs,
        min(session_id) over () <> max(session_id) over () as sessions,
        dense_rank() over (order by session_id) as session_number
    from runs
)
select
    session_id,
    run_id,
    concat_ws(
        ' · ',
        'run ' || run_number,
        case when scenarios then scenario end,
        case when models then model end,
        case when runtimes then runtime end,
        case when topologies then topology end,
        case when configs then config end,
        case when sessions then 'session ' || session_number end
    ) as label
from varying
