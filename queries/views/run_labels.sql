-- One row a run, with short names for figures: `configuration`, as much of it as it takes to tell the
-- configurations at hand from one another (empty if there is one only), and `label`, 'run 3' before it.
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
),

named as (
    select
        session_id,
        run_id,
        run_number,
        concat_ws(
            ' · ',
            case when scenarios then scenario end,
            case when models then model end,
            case when runtimes then runtime end,
            case when topologies then topology end,
            case when configs then config end,
            case when sessions then 'session ' || session_number end
        ) as configuration
    from varying
)

select
    session_id,
    run_id,
    configuration,
    concat_ws(' · ', 'run ' || run_number, nullif(configuration, '')) as label
from named
