-- How much of N * W went by while a request was in flight and the server neither read its prompt
-- nor generated (client, transport, queue, load), in percent, mean over the runs: the first of
-- each configuration, which loads the model, and the later ones. Only runs of which the server
-- reported every duration.
with per_run as (
    select
        budget.runtime,
        case when budget.run_number = 1 then 'first' else 'later' end as runs,
        sum(percent) / count(distinct agent) as percent
    from time_budget as budget
    join run_metrics as run
        on run.session_id = budget.session_id and run.run_id = budget.run_id
    where efficiency_server_percent is not null
        and part in ('client', 'transport', 'queue', 'load')
    group by budget.session_id, budget.run_id, budget.runtime, budget.run_number
)
select
    runs,
    avg(percent) filter (where runtime = 'rust') as rust_percent,
    avg(percent) filter (where runtime = 'python') as python_percent,
    avg(percent) filter (where runtime = 'python')
        - avg(percent) filter (where runtime = 'rust') as more_in_python
from per_run
group by runs
order by runs
