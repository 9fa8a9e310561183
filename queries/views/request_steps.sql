-- One row a generating request, with every column of in_flight, and how long each step of it took: as
-- the server reported, or, where it did not, as the client saw it: the prompt until the first content
-- event, decoding from there. A request with neither (it failed before any content) has no steps.
-- Laid back from the request's end, in reverse order of time, they are decode, prompt, wait for a
-- slot (Ollama loads before it queues) and load; what is left before them is transport.
select
    *,
    case when computed_ns is not null then coalesce(eval_duration_ns, 0)
        else coalesce(until_ns - first_content_ns, 0)
    end as eval_ns,
    case when computed_ns is not null then coalesce(prompt_eval_duration_ns, 0)
        else coalesce(first_content_ns - start_ns, 0)
    end as prompt_eval_ns,
    -- Known only where the server gave a total; else queueing is in transport.
    greatest(0, coalesce(queued_ns, 0)) as waited_ns,
    case when computed_ns is not null then coalesce(load_duration_ns, 0) else 0 end as loaded_ns
from in_flight
