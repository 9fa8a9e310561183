-- One row a request: every column of request_times, and its gaps between content events (inter-chunk
-- latency). Percentiles interpolate linearly (type 7).
with gaps as (
    select
        session_id,
        run_id,
        request_id,
        count(*) as gaps,
        percentile(icl_ns, 0.5) / 1e6 as icl_p50_ms,
        percentile(icl_ns, 0.9) / 1e6 as icl_p90_ms,
        percentile(icl_ns, 0.99) / 1e6 as icl_p99_ms,
        max(icl_ns) / 1e6 as icl_max_ms,
        avg(icl_ns) / 1e6 as icl_mean_ms
    from icl
    group by session_id, run_id, request_id
)
select
    request_times.*,
    coalesce(gaps, case when content_events is not null then 0 end) as icl_n,
    icl_p50_ms,
    icl_p90_ms,
    icl_p99_ms,
    icl_max_ms,
    icl_mean_ms
from request_times
left join gaps using (session_id, run_id, request_id)
