-- Latency as the client saw it, per agent and phase, each figure with its n: requests for TTFT,
-- ITL, TPOT and throughput; for ICL the raw gaps of all requests, pooled. Failed runs are left out.
with per_request as (
    select
        agent,
        phase,
        min(agent_index) as agent_index,
        count(*) as requests,
        count(ttft_ms) as ttft_n,
        percentile(ttft_ms, 0.5) as ttft_p50_ms,
        percentile(ttft_ms, 0.9) as ttft_p90_ms,
        percentile(ttft_ms, 0.99) as ttft_p99_ms,
        count(itl_ms) as itl_n,
        avg(itl_ms) as itl_mean_ms,
        mean_low(itl_ms) as itl_low_ms,
        mean_high(itl_ms) as itl_high_ms,
        count(tpot_ms) as tpot_n,
        percentile(tpot_ms, 0.5) as tpot_p50_ms,
        count(throughput_tps) as throughput_n,
        avg(throughput_tps) as throughput_mean_tps,
        mean_low(throughput_tps) as throughput_low_tps,
        mean_high(throughput_tps) as throughput_high_tps
    from request_times
    where generates and phase <> 'failed'
    group by agent, phase
),

pooled as (
    select
        exchanges.agent,
        phase,
        count(*) as icl_n,
        percentile(icl_ms, 0.5) as icl_p50_ms,
        percentile(icl_ms, 0.9) as icl_p90_ms,
        percentile(icl_ms, 0.99) as icl_p99_ms,
        max(icl_ms) as icl_max_ms
    from icl
    join exchanges using (session_id, run_id, request_id)
    where generates and phase <> 'failed'
    group by exchanges.agent, phase
)

select
    agent,
    phase,
    requests,
    ttft_n,
    ttft_p50_ms,
    ttft_p90_ms,
    ttft_p99_ms,
    coalesce(icl_n, 0) as icl_n,
    icl_p50_ms,
    icl_p90_ms,
    icl_p99_ms,
    icl_max_ms,
    itl_n,
    itl_mean_ms,
    itl_low_ms,     -- the 95 % interval of the mean
    itl_high_ms,
    tpot_n,
    tpot_p50_ms,
    throughput_n,
    throughput_mean_tps,
    throughput_low_tps,
    throughput_high_tps
from per_request
left join pooled using (agent, phase)
order by phase, agent_index, agent
