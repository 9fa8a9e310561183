-- How many chunks of both agents came in each second of a run.
with seconds as (
    select
        session_id,
        floor(t_ns / 1e9) as second,
        count(*) as chunks
    from events
    group by session_id, floor(t_ns / 1e9)
)
select
    count(*) as seconds,
    avg(chunks) as mean,
    percentile(chunks, 0.5) as p50,
    max(chunks) as max,
    count(*) filter (where chunks > 180) as above_180
from seconds
