-- Which figures of a run go together? Pearson's r of each two over the concurrent runs in which both are
-- known; n is how many those are. A figure that never varies correlates with nothing, and is left out.
with measured as (
    select
        run.session_id,
        run.run_id,
        min(efficiency_span_percent) as span,
        min(efficiency_server_percent) as server,
        min(efficiency_solo_percent) as solo,
        min(run.wall_ms) as wall,
        min(throughput_delta_tps) as throughput_delta,
        min(ttft_delta_ms) as ttft_delta,
        sum(output_tokens) as tokens,
        max(ttft_ms) as ttft,
        max(slowdown) as slowdown
    from run_metrics as run
    join agent_runs as agent on agent.session_id = run.session_id and agent.run_id = run.run_id
    where run.phase = 'concurrent'
    group by run.session_id, run.run_id
),

figures(figure, place) as (
    values
        ('efficiency, span', 1), ('efficiency, server', 2), ('efficiency, solo', 3), ('wall time', 4),
        ('throughput delta', 5), ('throughput delta, absolute', 6),
        ('TTFT delta', 7), ('TTFT delta, absolute', 8),
        ('output tokens', 9), ('longest TTFT', 10), ('worst slowdown', 11)
),

long as (
    select
        session_id,
        run_id,
        figure,
        place,
        case place
            when 1 then span
            when 2 then server
            when 3 then solo
            when 4 then wall
            when 5 then throughput_delta
            when 6 then abs(throughput_delta)
            when 7 then ttft_delta
            when 8 then abs(ttft_delta)
            when 9 then tokens
            when 10 then ttft
            when 11 then slowdown
        end as value
    from measured
    cross join figures
),

varying as (
    select figure as varied
    from long
    group by figure
    having count(value) > 2 and min(value) < max(value)
)

select
    one.figure as x,
    other.figure as y,
    count(*) as n,
    case when count(*) > 2 then corr(one.value, other.value) end as r
from long as one
join long as other on one.session_id = other.session_id and one.run_id = other.run_id
where one.value is not null
    and other.value is not null
    and one.figure in (select varied from varying)
    and other.figure in (select varied from varying)
group by one.figure, one.place, other.figure, other.place
order by one.place, other.place
