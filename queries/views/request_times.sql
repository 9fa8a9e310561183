-- One row a request: when its content came, how fast, and what the server said of it. A figure that
-- cannot be known is null, never 0.
with timed as (
    select
        *,
        (first_content_ns - start_ns) / 1e6 as ttft_ms,
        (last_content_ns - start_ns) / 1e6 as latency_ms,
        (last_content_ns - first_content_ns) / 1e6 as decode_ms,
        case when eval_count is not null then eval_count
            when generates then content_events
        end as output_tokens,
        case when eval_count is not null then 'server'
            when generates and content_events is not null then 'events'
        end as output_tokens_source
    from exchanges
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
