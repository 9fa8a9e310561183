-- Does the agent with the higher rate finish first? One row a runtime: in how many runs the server
-- generated faster for insight, and in how many the faster agent's last response came first.
with pair as (
    select
        session_id,
        run_id,
        runtime,
        max(until_ns) filter (where agent = 'collector')
            - max(until_ns) filter (where agent = 'insight') as insight_earlier_ns,
        max(server_throughput_tps) filter (where agent = 'insight')
            - max(server_throughput_tps) filter (where agent = 'collector') as insight_faster_tps
    from agent_runs
    group by session_id, run_id, runtime
)
select
    runtime,
    count(*) as n,
    count(*) filter (where insight_faster_tps > 0) as insight_faster,
    count(*) filter (where (insight_faster_tps > 0) = (insight_earlier_ns > 0))
        as faster_finished_first
from pair
where insight_faster_tps is not null
group by runtime
order by runtime
