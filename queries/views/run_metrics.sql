-- One row a run: what running its agents side by side gained, by three rules for what the same
-- work would have taken in sequence: `span`, `server` and `solo`.
-- A rule that lacks any agent's part is null, never a partial sum.
with placed as (
    select
        *,
        row_number() over (
            partition by session_id, run_id order by agent_index, agent
        ) as place
    from agent_runs
),

per_run as (
    select
        session_id,
        run_id,
        count(*) as agents,
        max(wall_ns) / 1e6 as wall_ms,
        case when count(span_ms) = count(*) then sum(span_ms) end as sequential_span_ms,
        case when count(server_ms) = count(*) then sum(server_ms) end as sequential_server_ms,
        case when count(solo_ms) = count(*) then sum(solo_ms) end as sequential_solo_ms,
        -- Second agent - first agent; on the server's clock where both have it.
        coalesce(
            max(server_throughput_tps) filter (where place = 2)
                - max(server_throughput_tps) filter (where place = 1),
            max(throughput_tps) filter (where place = 2)
                - max(throughput_tps) filter (where place = 1)
        ) as throughput_delta_tps,
        max(ttft_ms) filter (where place = 2) - max(ttft_ms) filter (where place = 1)
            as ttft_delta_ms,
        max(ttft_max_ms) as ttft_max_ms
    from placed
    group by session_id, run_id
),

sped as (
    select
        *,
        sequential_span_ms / nullif(wall_ms, 0) as speedup_span,
        sequential_server_ms / nullif(wall_ms, 0) as speedup_server,
        sequential_solo_ms / nullif(wall_ms, 0) as speedup_solo
    from per_run
)

select
    run.session_id,
    run.run_id,
    run.run_number,
    run.scenario,
    run.model,
    run.runtime,
    run.topology,
    run.config,
    run.phase,
    coalesce(agents, 0) as agents,      -- those that sent a generating request
    wall_ms,
    sequential_span_ms,
    sequential_server_ms,
    sequential_solo_ms,
    speedup_span,
    speedup_server,
    speedup_solo,
    100 * speedup_span / agents as efficiency_span_percent,
    100 * speedup_server / agents as efficiency_server_percent,
    100 * speedup_solo / agents as efficiency_solo_percent,
    100 * speedup_span / agents as efficiency_percent,
    throughput_delta_tps,
    ttft_delta_ms,
    -- Agents contend only where there are several.
    case when agents > 1 then speedup_span < 1.5 end as contention_speedup,
    case when agents > 1 then ttft_max_ms > 3000 end as contention_ttft
from runs as run
left join sped using (session_id, run_id)
