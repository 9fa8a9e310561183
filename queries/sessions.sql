-- What was run, one row a session: when, for how long, what with, and how many runs of each phase.
with runs_of as (
    select
        session_id,
        array_to_string(array_sort(array_agg(distinct scenario)), ', ') as scenarios,
        array_to_string(array_sort(array_agg(distinct model)), ', ') as models,
        array_to_string(array_sort(array_agg(distinct runtime)), ', ') as runtimes,
        array_to_string(array_sort(array_agg(distinct topology)), ', ') as topologies,
        array_to_string(array_sort(array_agg(distinct config)), ', ') as configs,
        count(*) filter (where phase = 'concurrent') as concurrent_runs,
        count(*) filter (where phase = 'solo') as solo_runs,
        count(*) filter (where phase = 'warmup') as warmup_runs,
        count(*) filter (where phase = 'failed') as failed_runs
    from runs
    group by session_id
),

asked as (
    select
        session_id,
        count(*) as requests
    from requests
    group by session_id
),

-- Of each agent: who it was, and which server it asked.
declared as (
    select
        session_id,
        string_agg(
            agent || ' at ' || coalesce(nullif(endpoint, ''), 'an unknown server')
                || coalesce(' (version ' || server_version || ')', ''),
            '; ' order by agent_index
        ) as agents
    from agents
    group by session_id
)

select
    name,
    session.session_id,
    started_at,
    duration_ns / 1e9 as duration_s,
    status,
    agents,
    nullif(models, '') as models,
    nullif(scenarios, '') as scenarios,
    nullif(runtimes, '') as runtimes,
    nullif(topologies, '') as topologies,
    nullif(configs, '') as configs,
    coalesce(concurrent_runs, 0) as concurrent_runs,
    coalesce(solo_runs, 0) as solo_runs,
    coalesce(warmup_runs, 0) as warmup_runs,
    coalesce(failed_runs, 0) as failed_runs,
    coalesce(requests, 0) as requests,
    tool_version
from sessions as session
left join runs_of on runs_of.session_id = session.session_id
left join asked on asked.session_id = session.session_id
left join declared on declared.session_id = session.session_id
order by started_at nulls first, session.session_id
