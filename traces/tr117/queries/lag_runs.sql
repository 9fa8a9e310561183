-- The runs, one a row: the event loop's lag, the chunks a second and the efficiency.
select *
from lag_runs
order by session_id, run_id
