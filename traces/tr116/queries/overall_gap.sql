-- By how much Rust's mean efficiency exceeds Python's over all runs: as published, where each
-- harness follows its own rule, and by one rule for both. With Welch's test and 95 % interval.
with rules(rule) as (
    values ('published'), ('span'), ('server')
),

ruled as (
    select
        rule,
        ours.runtime,
        case rule
            when 'published' then published.efficiency_percent
            when 'span' then efficiency_span_percent
            when 'server' then efficiency_server_percent
        end as percent
    from run_metrics as ours
    join published using (session_id, run_id)
    cross join rules
)

select
    rule,
    count(percent) filter (where runtime = 'rust') as rust_n,
    avg(percent) filter (where runtime = 'rust') as rust_percent,
    stddev_samp(percent) filter (where runtime = 'rust') as rust_sd,
    count(percent) filter (where runtime = 'python') as python_n,
    avg(percent) filter (where runtime = 'python') as python_percent,
    stddev_samp(percent) filter (where runtime = 'python') as python_sd,
    welch(percent, runtime = 'rust')['difference'] as gap,
    welch(percent, runtime = 'rust')['low'] as gap_low,
    welch(percent, runtime = 'rust')['high'] as gap_high,
    welch(percent, runtime = 'rust')['p'] as p
from ruled
where percent is not null
group by rule
order by rule
