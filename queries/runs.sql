-- The runs, one a row: wall time, and speedup and efficiency by each rule.
select
    label as run,
    phase,
    agents,
    wall_ms,
    speedup_span,
    speedup_server,
    speedup_solo,
    efficiency_span_percent,
    efficiency_server_percent,
    efficiency_solo_percent,
    throughput_delta_tps,
    ttft_delta_ms,
    contention_speedup,
    contention_ttft
from run_metrics
join run_labels using (session_id, run_id)
order by session_id, run_id
