-- One row a run: the event loop's lag while it lasted, how many chunks a second came, and how
-- efficient it was: as published, and by the rules `span` and `server`.
with lagging as (
    select
        runs.session_id,
        runs.run_id,
        count(value) as lag_n,
        avg(value) as lag_mean_ms,
        percentile(value, 0.99) as lag_p99_ms
    from runs
    left join samples
        on samples.session_id = runs.session_id
        and metric = 'loop_lag_ms'
        and samples.t_ns between runs.start_ns and runs.end_ns
    group by runs.session_id, runs.run_id
),

coming as (
    select
        session_id,
        run_id,
        count(*) as chunks
    from events
    group by session_id, run_id
)

select
    run.session_id,
    run.run_id,
    run.run_number,
    lag_n,
    lag_mean_ms,
    lag_p99_ms,
    chunks,
    chunks * 1e3 / run.wall_ms as chunks_per_s,
    run.wall_ms,
    published.efficiency_percent,
    published.speedup,
    run.efficiency_span_percent,
    run.efficiency_server_percent,
    run.throughput_delta_tps
from run_metrics as run
join lagging
    on lagging.session_id = run.session_id and lagging.run_id = run.run_id
join coming
    on coming.session_id = run.session_id and coming.run_id = run.run_id
join published
    on published.session_id = run.session_id and published.run_id = run.run_id
