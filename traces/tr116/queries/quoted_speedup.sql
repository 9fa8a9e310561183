-- How much faster the agents were side by side than the same tokens one after the other at the
-- single-agent rates that the report quotes (parameter table quoted_rates), per runtime and model.
-- Below 1, running them together took longer.
with made as (
    select
        session_id,
        run_id,
        case when count(eval_count) = count(*) then sum(eval_count) end as tokens
    from request_metrics
    where generates
    group by session_id, run_id
)
select
    run.runtime,
    run.model,
    count(tokens) as n,
    avg(tokens * 1e3 / single_agent_tps / wall_ms) as speedup,
    max(tokens * 1e3 / single_agent_tps / wall_ms) as best_speedup
from run_metrics as run
join made using (session_id, run_id)
join quoted_rates on quoted_rates.model = run.model
group by run.runtime, run.model
order by run.runtime, run.model
