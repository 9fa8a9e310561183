-- Every request of the concurrent runs, one a row, in the order in which they began: the figures that
-- the picture `timeline` shows.
select
    label as run,
    agent,
    request_id as request,
    (start_ns - min(start_ns) over (partition by session_id, run_id)) / 1e6 as start_ms,
    ttft_ms,
    latency_ms,
    output_tokens as tokens,
    icl_n as gaps,
    icl_p50_ms as gap_p50_ms,
    icl_max_ms as gap_max_ms,
    outcome
from request_metrics
join run_labels using (session_id, run_id)
where generates and phase = 'concurrent' and start_ns is not null
order by session_id, run_id, start_ns, request_id
