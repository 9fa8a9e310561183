-- How fast the server generated for requests that had the machine to themselves: those during
-- which no other request of their run was in flight. One row a model; no such request, no rate.
with busy as (
    select
        mine.session_id,
        mine.run_id,
        mine.request_id,
        mine.model,
        mine.server_throughput_tps,
        count(other.request_id) as overlapping
    from request_metrics as mine
    left join request_metrics as other
        on other.session_id = mine.session_id
        and other.run_id = mine.run_id
        and other.request_id <> mine.request_id
        and other.start_ns < mine.until_ns
        and other.until_ns > mine.start_ns
    where mine.generates
    group by
        mine.session_id, mine.run_id, mine.request_id, mine.model, mine.server_throughput_tps
)
select
    model,
    count(server_throughput_tps) filter (where overlapping = 0) as n,
    avg(server_throughput_tps) filter (where overlapping = 0) as alone_tps,
    avg(server_throughput_tps) filter (where overlapping > 0) as beside_tps
from busy
group by model
order by model
