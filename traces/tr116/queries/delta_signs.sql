-- Which agent is taken from which? Per runtime: how far the published deltas are on average from
-- collector - insight. Throughput as the server reported it; TTFT as the mean over an agent's
-- requests on the client's clock, null where it was not measured.
with sides as (
    select
        session_id,
        run_id,
        max(ttft_mean_ms) filter (where agent = 'collector')
            - max(ttft_mean_ms) filter (where agent = 'insight') as ttft_ms
    from agent_runs
    group by session_id, run_id
)
select
    ours.runtime,
    count(*) as n,
    avg(abs(published.throughput_delta_tps + ours.throughput_delta_tps)) as throughput_off_tps,
    avg(abs(published.ttft_delta_ms - sides.ttft_ms)) as ttft_off_ms
from run_metrics as ours
join published
    on published.session_id = ours.session_id and published.run_id = ours.run_id
join sides
    on sides.session_id = ours.session_id and sides.run_id = ours.run_id
group by ours.runtime
order by ours.runtime
