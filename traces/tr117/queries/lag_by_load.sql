-- Is the event loop later when there is more to do? Its lag in the windows between two samples in
-- which no chunk came, in those in which some came, and in the busiest, with more than 9.
with loads(load) as (
    values ('idle'), ('busy'), ('busiest')
)
select
    load,
    count(*) as n,
    avg(lag_ms) as mean_ms,
    percentile(lag_ms, 0.99) as p99_ms,
    max(lag_ms) as max_ms
from lag_windows
join loads
    on load = 'idle' and chunks = 0
    or load = 'busy' and chunks > 0
    or load = 'busiest' and chunks > 9
group by load
order by load
