-- One row an agent in a run: how long it took, how fast it was, and how it does when alone.
-- Only requests that generate count. Rates over several requests are ratios of sums, so every
-- token weighs the same.
with per_agent as (
    select
        session_id,
        run_id,
        run_number,
        scenario,
        model,
        runtime,
        topology,
        config,
        phase,
        agent,
        agent_index,
        count(*) as requests,
        min(start_ns) as start_ns,
        max(until_ns) as until_ns,
        sum(held_ns) as busy_ns,
        -- The server's time is known only if it is known of every request that got content.
        case when count(*) filter (where first_content_ns is not null and computed_ns is null) = 0
            then sum(computed_ns)
        end as server_ns,
        sum(output_tokens) as output_tokens,
        sum(output_tokens) filter (where throughput_tps is not null) * 1e3
            / sum(decode_ms) filter (where throughput_tps is not null) as throughput_tps,
        sum(eval_count) filter (where server_throughput_tps is not null) * 1e9
            / sum(eval_duration_ns) filter (where server_throughput_tps is not null)
            as server_throughput_tps,
        first_value(ttft_ms order by start_ns, request_id) as ttft_ms,
        avg(ttft_ms) as ttft_mean_ms,
        max(ttft_ms) as ttft_max_ms,
        count(ttft_ms) as ttft_n,
        sum(decode_ms) filter (where itl_ms is not null) as itl_decode_ms,
        sum(output_tokens - 1) filter (where itl_ms is not null) as itl_intervals
    from in_flight
    group by
        session_id, run_id, run_number, scenario, model, runtime, topology, config, phase,
        agent, agent_index
),

beside_solo as (
    select
        *,
        min(start_ns) over run as run_start_ns,
        max(until_ns) over run as run_until_ns,
        avg(until_ns - start_ns) filter (where phase = 'solo') over alike / 1e6 as solo_ms,
        count(until_ns - start_ns) filter (where phase = 'solo') over alike as solo_n,
        sum(itl_decode_ms) filter (where phase = 'solo') over alike
            / sum(itl_intervals) filter (where phase = 'solo') over alike as solo_itl_ms
    from per_agent
    window
        run as (partition by session_id, run_id),
        alike as (partition by agent, scenario, model, runtime, topology, config)
)

select
    session_id,
    run_id,
    run_number,
    scenario,
    model,
    runtime,
    topology,
    config,
    phase,
    agent,
    agent_index,
    requests,

    (until_ns - start_ns) / 1e6 as span_ms,     -- first request's start to last response's end
    busy_ns / 1e6 as busy_ms,                   -- at least one request in flight
    server_ns / 1e6 as server_ms,               -- prompt_eval + eval, as the server reported
    output_tokens,
    throughput_tps,
    server_throughput_tps,
    ttft_ms,                                    -- of the agent's first request
    ttft_mean_ms,
    ttft_max_ms,
    ttft_n,
    itl_decode_ms / itl_intervals as itl_ms,    -- decode time over tokens - 1, both summed
    itl_decode_ms,
    itl_intervals,

    -- The same agent alone, over all its solo runs of this configuration.
    solo_ms,
    solo_n,
    solo_itl_ms,
    case when phase = 'concurrent'
        then itl_decode_ms / itl_intervals / nullif(solo_itl_ms, 0)
    end as slowdown,

    -- Exact, for the time budget. The run's wall lasts from its earliest start to its latest end;
    -- an agent none of whose requests got out lets all of it pass before its first request.
    start_ns,
    until_ns,
    busy_ns,
    server_ns,
    run_until_ns - run_start_ns as wall_ns,
    coalesce(start_ns, run_until_ns) - run_start_ns as stagger_ns,
    coalesce(until_ns - start_ns, 0) - busy_ns as client_ns,
    run_until_ns - coalesce(until_ns, run_until_ns) as tail_ns
from beside_solo
