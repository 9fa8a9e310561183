-- How did the session go? Content chunks a second by agent, and what was sampled beside them, on one time
-- axis; at most 600 points a line, each the mean of its stretch (of the scheduler's lag the maximum).
with stretches as (
    select
        session_id,
        min(start_ns) as begin_ns,
        greatest((max(end_ns) - min(start_ns)) / 600, 1000000000) as width_ns
    from runs
    group by session_id
),

spans as (
    select
        session_id,
        begin_ns,
        width_ns,
        unnest(range(0, 601)) as stretch
    from stretches
),

chunks_by_stretch as (
    select
        event.session_id,
        event.agent as source,
        (event.t_ns - begin_ns) / width_ns as stretch,      -- whole division
        count(*) as chunks
    from stretches
    join content_events as event on event.session_id = stretches.session_id
    group by event.session_id, event.agent, (event.t_ns - begin_ns) / width_ns
),

lasts as (
    select
        session_id,
        source,
        max(stretch) as last
    from chunks_by_stretch
    group by session_id, source
),

-- A stretch in which nothing came is a rate of 0.
rates as (
    select
        lasts.session_id,
        'content chunks a second' as panel,
        1 as place,
        lasts.source,
        spans.stretch,
        coalesce(chunks, 0) * 1e9 / width_ns as value
    from lasts
    join spans on spans.session_id = lasts.session_id and spans.stretch <= lasts.last
    left join chunks_by_stretch as counted
        on counted.session_id = lasts.session_id
        and counted.source = lasts.source
        and counted.stretch = spans.stretch
),

kinds(metric, panel, place, per_shown) as (
    values
        ('loop_lag_ms', 'scheduler lag (ms)', 2, 1.0),
        ('cpu_percent', 'CPU (% of a core)', 3, 1.0),
        ('gpu_util_percent', 'GPU utilization (%)', 4, 1.0),
        ('gpu_power_w', 'GPU power (W)', 5, 1.0),
        ('rss_bytes', 'memory (MB)', 6, 1e6)
),

sampled as (
    select
        samples.session_id,
        panel,
        place,
        source,
        (t_ns - begin_ns) / width_ns as stretch,
        case when place = 2 then max(value) else avg(value) end / min(per_shown) as value
    from samples
    join kinds on kinds.metric = samples.metric
    join stretches on stretches.session_id = samples.session_id
    where value is not null and t_ns >= begin_ns
    group by samples.session_id, panel, place, source, (t_ns - begin_ns) / width_ns
),

together as (
    select session_id, panel, place, source, stretch, value from rates
    union all
    select session_id, panel, place, source, stretch, value from sampled
)

select
    panel,
    concat_ws(
        ' · ',
        source,
        case when min(together.session_id) over () <> max(together.session_id) over ()
            then 'session ' || dense_rank() over (order by together.session_id)
        end
    ) as line,
    stretch * width_ns / 1e9 as t_s,
    value
from together
join stretches on stretches.session_id = together.session_id
where stretch >= 0
order by place, line, stretch
