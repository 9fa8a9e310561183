-- By how much Rust's mean efficiency exceeds Python's, per model and scenario: as published, where
-- each harness follows its own rule, and by one rule for both, `span` and `server`. In points;
-- relative in percent of Python's.
with sides as (
    select
        ours.model,
        ours.scenario,
        avg(efficiency.percent) filter (where ours.runtime = 'rust') as rust_percent,
        avg(efficiency.percent) filter (where ours.runtime = 'python') as python_percent,
        avg(efficiency_span_percent) filter (where ours.runtime = 'rust')
            - avg(efficiency_span_percent) filter (where ours.runtime = 'python') as span_gap,
        avg(efficiency_server_percent) filter (where ours.runtime = 'rust')
            - avg(efficiency_server_percent) filter (where ours.runtime = 'python')
            as server_gap
    from run_metrics as ours
    join (
        select session_id, run_id, efficiency_percent as percent from published
    ) as efficiency using (session_id, run_id)
    group by ours.model, ours.scenario
)
select
    model,
    scenario,
    rust_percent,
    python_percent,
    rust_percent - python_percent as published_gap,
    100 * (rust_percent / python_percent - 1) as relative_percent,
    span_gap,
    server_gap
from sides
order by model, scenario
