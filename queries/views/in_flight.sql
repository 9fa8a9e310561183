-- One row a generating request, with every column of request_times and `held_ns`, its share of
-- its agent's time line. The shares of an agent add up to the union of its in-flight intervals:
-- while requests overlap, the time is held by the one that started first.
with reach as (
    select
        *,
        max(until_ns) over (
            partition by session_id, run_id, agent
            order by start_ns, request_id
            rows between unbounded preceding and 1 preceding
        ) as covered_until_ns
    from request_times
    where generates
)
select
    *,
    -- So a request holds its last part; a request that was never sent holds nothing.
    greatest(0, until_ns - greatest(start_ns, covered_until_ns)) as held_ns
from reach
