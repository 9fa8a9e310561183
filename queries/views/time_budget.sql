-- One row a part of an agent's share of a run: where the run's wall time W went, for this agent.
-- The eight parts of an agent are whole nanoseconds, never negative, and add up to W exactly; one
-- that is null is not known and stands in another: `queue` and `load` in `transport`.
-- The steps are laid back from the request's end, in reverse order of time, over the share it
-- holds: first decode, then prompt, queue (Ollama loads before it queues), load. Each takes what
-- is left, transport takes the rest. So steps that exceed the share, because requests overlap or
-- two clocks disagree, are cut at the request's beginning. `left_after_*`: not yet accounted for.
with laid_back as (
    select
        *,
        greatest(0, held_ns - eval_ns) as left_after_decode,
        greatest(0, held_ns - eval_ns - prompt_eval_ns) as left_after_prompt,
        greatest(0, held_ns - eval_ns - prompt_eval_ns - waited_ns) as left_after_queue,
        greatest(0, held_ns - eval_ns - prompt_eval_ns - waited_ns - loaded_ns) as left_after_load
    from request_steps
),

per_agent as (
    select
        session_id,
        run_id,
        agent,
        sum(left_after_load) as transport_ns,
        -- Null where no server said: then it is in transport.
        case when count(queued_ns) > 0
            then sum(left_after_prompt - left_after_queue)
        end as queue_ns,
        case when count(load_duration_ns) filter (where computed_ns is not null) > 0
            then sum(left_after_queue - left_after_load)
        end as load_ns,
        sum(left_after_decode - left_after_prompt) as prompt_ns,
        sum(held_ns - left_after_decode) as decode_ns,
        -- Server, if all that was split was split by the server's own durations; without its
        -- total a wait for a slot, and perhaps loading, stay in transport.
        case when count(computed_ns) = 0
                or count(*) filter (where first_content_ns is not null and computed_ns is null) > 0
                then 'client'
            when count(*) filter (where computed_ns is not null and queued_ns is null) > 0
                then 'server, no total'
            else 'server'
        end as source
    from laid_back
    group by session_id, run_id, agent
),

parts(part, part_order) as (
    values
        ('stagger', 1),     -- before the agent's first request
        ('client', 2),      -- between its requests
        ('transport', 3),   -- in flight, in none of the steps below
        ('queue', 4),       -- waiting for a slot of the server
        ('load', 5),        -- loading the model
        ('prompt', 6),      -- reading the prompt
        ('decode', 7),      -- generating
        ('tail', 8)         -- after the agent's last response
),

budget as (
    select
        whole.*,
        part,
        part_order,
        source,
        case part
            when 'stagger' then stagger_ns
            when 'client' then client_ns
            when 'transport' then transport_ns
            when 'queue' then queue_ns
            when 'load' then load_ns
            when 'prompt' then prompt_ns
            when 'decode' then decode_ns
            when 'tail' then tail_ns
        end as ns
    from agent_runs as whole
    join per_agent using (session_id, run_id, agent)
    cross join parts
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
    part,
    part_order,
    ns,
    ns / 1e6 as ms,
    100.0 * ns / nullif(wall_ns, 0) as percent,     -- of W; over N agents they make N * 100
    source      -- whose durations the steps are: 'server', 'server, no total' or 'client'
from budget
where wall_ns is not null
