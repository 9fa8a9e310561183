-- The interactive timeline's marks: one row a content event of a generating request, from its request's
-- start, with the size of the chunk that brought it. Of a huge trace only the first 60,000, run by run
-- in the order in which they came. Long texts are cut: who wants them whole asks `content_events`.
with first_ones as (
    select
        session_id, run_id, request_id, seq, chunk_seq, t_ns, start_ns,
        case when character_length(text) > 60 then concat(substr(text, 1, 59), '…') else text end as text
    from content_events
    join (
        select session_id, run_id, request_id, start_ns
        from exchanges
        where generates and start_ns is not null
    ) as asked using (session_id, run_id, request_id)
    order by session_id, run_id, t_ns, request_id, seq
    limit 60000
)

select
    event.session_id,
    event.run_id,
    event.request_id,
    event.t_ns - event.start_ns as after_ns,
    event.text,
    chunk.size as chunk_bytes
from first_ones as event
left join chunks as chunk
    on chunk.session_id = event.session_id
    and chunk.run_id = event.run_id
    and chunk.request_id = event.request_id
    and chunk.seq = event.chunk_seq
order by event.session_id, event.run_id, event.t_ns, event.request_id, event.seq
