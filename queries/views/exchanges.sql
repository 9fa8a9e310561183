-- One row an HTTP exchange: the request as recorded, the columns of its run, the place of its
-- agent. Times are nanoseconds on the session's clock, durations are what the server reported.
with reported as (
    select
        *,
        -- What the server says it computed: reading the prompt and generating. A part that is
        -- zero goes unsaid on Ollama; null where neither was said.
        case when coalesce(prompt_eval_duration_ns, eval_duration_ns) is not null
            then coalesce(prompt_eval_duration_ns, 0) + coalesce(eval_duration_ns, 0)
        end as computed_ns,
        -- Only these count in the figures about runs; probes of tags or version and embeddings
        -- do not.
        dialect in ('ollama.generate', 'ollama.chat', 'openai.chat', 'openai.completions')
            as generates
    from requests
)
select
    request.session_id,
    request.run_id,
    run.run_number,
    run.scenario,
    run.model,
    run.runtime,
    run.topology,
    run.config,
    run.phase,
    request.agent,
    declared.agent_index,   -- from 0, in the order the session declared its agents
    request.request_id,
    request.dialect,
    request.endpoint,
    request.model as request_model,
    request.stream,
    request.status,
    request.outcome,

    request.generates,

    request.intended_ns,
    request.start_ns,
    request.end_ns,
    -- When content came, and in how many events. Sealing takes these from `events`. 0 if none came,
    -- null if it may have come without being kept, as in an import: there, only a refusal says
    -- that none did.
    request.first_token_ns as first_content_ns,
    request.last_token_ns as last_content_ns,
    case when token_events > 0 or generates and (
            event_count > 0 or (
                outcome <> 'complete' and first_token_ns is null
                and (not imported or outcome in ('error_status', 'connect_failed'))
            )
        ) then token_events
    end as content_events,
    -- In flight until its end; where no end was seen, until the last sign of life. A server may
    -- refuse a request before its last byte is sent: such an exchange lasts 0, not less.
    request.start_ns + greatest(0, coalesce(
        request.end_ns, request.last_token_ns, request.first_chunk_ns, request.headers_ns
    ) - request.start_ns) as until_ns,

    request.prompt_eval_count,
    request.eval_count,
    request.total_duration_ns,
    request.load_duration_ns,
    request.prompt_eval_duration_ns,
    request.eval_duration_ns,
    request.computed_ns,
    -- What a warm request waited for a slot: inside the server's total, in none of its parts.
    request.total_duration_ns - coalesce(request.load_duration_ns, 0) - request.computed_ns
        as queued_ns
from reported as request
left join runs as run
    on run.session_id = request.session_id and run.run_id = request.run_id
left join (select session_id, status = 'imported' as imported from sessions) as session
    on session.session_id = request.session_id
left join agents as declared
    on declared.session_id = request.session_id and declared.agent = request.agent
