-- The recorder's own error, of a trace made by `calibrate`: how long after a chunk was written its
-- stamp was taken, and how much later a reader got it than without a recorder between, in us.
with stamped as (
    select
        scenario,
        'stamp_error' as figure,
        t_ns - cast(substr(text, strpos(text, '"t":"') + 5, 19) as bigint) as ns
    from events
    join runs using (session_id, run_id)
    where strpos(text, '"t":"') > 0
),

aged as (
    select
        scenario,
        source as figure,
        value as ns
    from samples
    join runs using (session_id, run_id)
    where metric = 'age_ns'
),

figures as (
    select
        scenario,
        figure,
        count(*) as n,
        percentile(ns, 0.5) / 1e3 as p50_us,
        percentile(ns, 0.9) / 1e3 as p90_us,
        percentile(ns, 0.99) / 1e3 as p99_us,
        max(ns) / 1e3 as max_us
    from (
        select scenario, figure, cast(ns as double) as ns from stamped
        union all
        select scenario, figure, ns from aged
    )
    group by scenario, figure
)

select
    scenario as load,
    figure,
    n,
    p50_us,
    p90_us,
    p99_us,
    max_us
from figures
where figure = 'stamp_error'
union all
select
    scenario,
    'added_latency',
    recorded.n,
    recorded.p50_us - direct.p50_us,    -- differences of percentiles, not of chunks
    recorded.p90_us - direct.p90_us,
    recorded.p99_us - direct.p99_us,
    recorded.max_us - direct.max_us
from (select * from figures where figure = 'recorded') as recorded
join (select * from figures where figure = 'direct') as direct using (scenario)
order by load, figure desc
