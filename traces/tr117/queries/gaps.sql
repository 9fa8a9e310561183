-- How far apart the chunks of an agent came, in ms: as logged, where the gap before a run's first
-- chunk reaches back to the run before, and within a request only.
with stepped as (
    select
        (t_ns - lag(t_ns) over (partition by session_id, agent order by t_ns)) / 1e6 as logged_ms,
        (t_ns - lag(t_ns) over (partition by session_id, run_id, request_id order by seq)) / 1e6
            as within_ms
    from events
),

rules(rule) as (
    values ('as logged'), ('within a request')
),

gaps as (
    select
        rule,
        case rule
            when 'as logged' then logged_ms
            when 'within a request' then within_ms
        end as gap_ms
    from stepped
    cross join rules
)

select
    rule,
    count(gap_ms) as n,
    avg(gap_ms) as mean_ms,
    min(gap_ms) as min_ms,
    percentile(gap_ms, 0.5) as p50_ms,
    percentile(gap_ms, 0.9) as p90_ms,
    percentile(gap_ms, 0.99) as p99_ms,
    max(gap_ms) as max_ms
from gaps
where gap_ms is not null
group by rule
order by rule
