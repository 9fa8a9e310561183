-- One row a request: when its content came, how fast, and what the server said of it.
-- Percentiles interpolate linearly (type 7). A figure that cannot be known is null, never 0.
with content as (
    select
        session_id,
        run_id,
        request_id,
        count(*) as content_events,
        count(gap_ns) as icl_n,
        min(t_ns) as first_event_ns,
        max(t_ns) as last_event_ns,
        percentile(gap_ns, 0.5) / 1e6 as icl_p50_ms,
        percentile(gap_ns, 0.9) / 1e6 as icl_p90_ms,
        percentile(gap_ns, 0.99) / 1e6 as icl_p99_ms,
        max(gap_ns) / 1e6 as icl_max_ms,
        avg(gap_ns) / 1e6 as icl_mean_ms
    from content_events
    group by session_id, run_id, request_id
),

asked as (
    select
        *,
        -- 0 if no content came; null if it may have come without being kept, as in an import:
        -- there, only a refusal says that none did.
        case when generates and (
                event_count > 0 or (
                    outcome <> 'complete' and first_token_ns is null
                    and (not imported or outcome in ('error_status', 'connect_failed'))
                )
            ) then 0
        end as nothing_came
    from exchanges
    left join (select session_id, status = 'imported' as imported from sessions)
        using (session_id)
),

heard as (
    select
        asked.*,
        coalesce(content_events, nothing_came) as content_events,
        -- An importer may know when content came, but not the events that carried it.
        coalesce(first_event_ns, first_token_ns) as first_content_ns,
        coalesce(last_event_ns, last_token_ns) as last_content_ns,
        coalesce(icl_n, nothing_came) as icl_n,
        icl_p50_ms,
        icl_p90_ms,
        icl_p99_ms,
        icl_max_ms,
        icl_mean_ms,
        case when eval_count is not null then eval_count
            when generates then coalesce(content_events, nothing_came)
        end as output_tokens,
        case when eval_count is not null then 'server'
            when generates and coalesce(content_events, nothing_came) is not null then 'events'
        end as output_tokens_source
    from asked
    left join content using (session_id, run_id, request_id)
),

timed as (
    select
        *,
        (first_content_ns - start_ns) / 1e6 as ttft_ms,
        (last_content_ns - start_ns) / 1e6 as latency_ms,
        (last_content_ns - first_content_ns) / 1e6 as decode_ms
    from heard
),

paced as (
    select
        *,
        -- Null with fewer than two tokens, and where all content came in one piece: the time
        -- between its tokens was not seen.
        case when content_events > 1 and output_tokens > 1
            then decode_ms / (output_tokens - 1)
        end as itl_ms
    from timed
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
    request_id,
    dialect,
    generates,
    endpoint,
    request_model,
    stream,
    status,
    outcome,
    content_events,

    ttft_ms,
    latency_ms,
    decode_ms,
    icl_n,
    icl_p50_ms,
    icl_p90_ms,
    icl_p99_ms,
    icl_max_ms,
    icl_mean_ms,
    itl_ms,
    itl_ms as tpot_ms,
    output_tokens,
    output_tokens_source,
    output_tokens / nullif(cast(content_events as double), 0) as tokens_per_chunk,
    output_tokens * 1e3 / nullif(decode_ms, 0) as throughput_tps,
    eval_count * 1e9 / nullif(eval_duration_ns, 0) as server_throughput_tps,
    load_duration_ns / 1e6 as load_ms,
    prompt_eval_duration_ns / 1e6 as prompt_eval_ms,
    eval_duration_ns / 1e6 as eval_ms,
    total_duration_ns / 1e6 as server_total_ms,
    queued_ns / 1e6 as queue_ms,
    -- The server's total reaches to the end of the answer, so the client's does too.
    (until_ns - start_ns - total_duration_ns) / 1e6 as transport_ms,
    (start_ns - intended_ns) / 1e6 as schedule_delay_ms,

    start_ns,
    first_content_ns,
    last_content_ns,
    end_ns,
    until_ns,
    prompt_eval_count,
    eval_count,
    total_duration_ns,
    load_duration_ns,
    prompt_eval_duration_ns,
    eval_duration_ns,
    computed_ns,
    queued_ns
from paced
