-- One row a sample of the event loop's lag: how many chunks came since the sample before it, and
-- at which rate (a late sample has a longer window).
with lags as (
    select
        session_id,
        t_ns,
        value as lag_ms,
        lag(t_ns) over (partition by session_id order by t_ns) as since_ns
    from samples
    where metric = 'loop_lag_ms'
)
select
    lags.t_ns,
    lag_ms,
    count(events.t_ns) as chunks,
    count(events.t_ns) * 1e9 / (lags.t_ns - since_ns) as chunks_per_s
from lags
left join events
    on events.session_id = lags.session_id
    and events.t_ns > lags.since_ns
    and events.t_ns <= lags.t_ns
where since_ns is not null
group by lags.session_id, lags.t_ns, since_ns, lag_ms
order by lags.t_ns
