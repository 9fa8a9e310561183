-- How many tokens per second of wall time both agents make, in Rust against Python, per model: in
-- percent more, with Welch's test. Only runs of which the server said every count.
with made as (
    select
        run.runtime,
        run.model,
        sum(eval_count) * 1e3 / max(wall_ms) as tokens_per_s
    from run_metrics as run
    join request_metrics as request
        on request.session_id = run.session_id and request.run_id = run.run_id
    where generates
    group by run.session_id, run.run_id, run.runtime, run.model
    having count(eval_count) = count(*)
)
select
    model,
    count(*) as n,
    avg(tokens_per_s) filter (where runtime = 'rust') as rust_tokens_per_s,
    avg(tokens_per_s) filter (where runtime = 'python') as python_tokens_per_s,
    100 * avg(tokens_per_s) filter (where runtime = 'rust')
        / avg(tokens_per_s) filter (where runtime = 'python') - 100 as rust_ahead_percent,
    welch(tokens_per_s, runtime = 'rust')['p'] as p
from made
group by model
order by model
