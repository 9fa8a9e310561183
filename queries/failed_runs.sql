-- The runs that failed, one a row: what they were to be, as far as their label `phase` says, and which
-- requests did not end well, with their errors. They count in no other figure.
with failures as (
    select
        session_id,
        run_id,
        string_agg(
            concat(agent, ': ', outcome, coalesce(concat(', ', error), '')),
            '; ' order by request_id
        ) as failures
    from requests
    where outcome <> 'complete'
    group by session_id, run_id
)
select
    label as run,
    run.run_id,
    scenario,
    model,
    regexp_match(labels, '"phase"\s*:\s*"([a-z]+)"')[1] as phase_before,
    failures
from runs as run
join run_labels using (session_id, run_id)
left join failures using (session_id, run_id)
where phase = 'failed'
order by run.session_id, run.run_id
