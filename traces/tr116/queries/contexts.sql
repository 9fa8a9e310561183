-- Which context the agents asked for that asked for any, per runtime.
select
    runtime,
    count(*) as requests,
    count(*) filter (where options like '%"num_ctx":512%') as asked_512,
    count(*) filter (where options like '%"num_ctx":2048%') as asked_2048
from requests
join runs using (session_id, run_id)
where options like '%"num_ctx"%'
group by runtime
order by runtime
