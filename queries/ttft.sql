-- How long did each agent wait for its first piece of text, alone and beside the other? One row a request,
-- with the quartiles of its group (type 7).
with measured as (
    select
        agent,
        agent_index,
        concat_ws(' · ', nullif(configuration, ''), request.phase) as side,
        ttft_ms
    from request_times as request
    join run_labels
        on run_labels.session_id = request.session_id and run_labels.run_id = request.run_id
    where generates and request.phase in ('concurrent', 'solo') and ttft_ms is not null
),

quartiles as (
    select
        agent,
        side,
        count(*) as n,
        percentile(ttft_ms, 0.25) as p25_ms,
        percentile(ttft_ms, 0.5) as p50_ms,
        percentile(ttft_ms, 0.75) as p75_ms
    from measured
    group by agent, side
)

select
    measured.agent,
    measured.side,
    ttft_ms,
    n,
    p25_ms,
    p50_ms,
    p75_ms
from measured
join quartiles on quartiles.agent = measured.agent and quartiles.side = measured.side
order by agent_index, measured.agent, measured.side, ttft_ms
