-- What to know before believing the figures, one row a warning: `n` says how many runs, requests or
-- the like it is about. Effects smaller than the recorder's own error are in `doubts`.
with small as (
    select
        1 as place,
        'few runs' as warning,
        count(*) as n,
        case when min(n) = max(n) then 'Configurations with only ' || min(n)
            else 'Configurations with only ' || min(n) || ' to ' || max(n)
        end || case max(n) when 1 then ' concurrent run' else ' concurrent runs' end
            || ': an interval of so few is wide, and takes their spread for normal.' as sentence
    from configurations
    where n < 8
),

unmatched as (
    select
        2,
        'no run alone',
        count(*),
        'Configurations whose agents never ran alone: what side by side cost them (`solo` rule, '
            || 'slowdown) is unknown.'
    from configurations
    where solo_percent is null
),

failed as (
    select
        3,
        'failed runs',
        count(*),
        'Runs failed and count in no other figure; the query `failed_runs` says why.'
    from runs
    where phase = 'failed'
),

cut as (
    select
        4,
        'streams cut short',
        count(*),
        'Requests of the runs that count did not end well (' || outcome || ').'
    from exchanges
    where generates and outcome <> 'complete' and phase in ('concurrent', 'solo')
    group by outcome
),

cold as (
    select
        5,
        'cold starts',
        count(*),
        'Agents spent more than a tenth of a run that counts waiting for a model to load.'
    from time_budget
    where part = 'load' and percent > 10 and phase in ('concurrent', 'solo')
),

called_cold as (
    select
        6,
        'cold starts',
        count(*),
        'Runs met a cold server, as their `config` says, and stand as configurations of their own.'
    from runs
    where regexp_like(config, '( |^)cold$') and phase in ('concurrent', 'solo')
),

lost as (
    select
        7,
        'lost chunks',
        lost_chunks,
        'Chunks of ' || name || ' were dropped by the recorder, and are missing in every figure.'
    from sessions
    where lost_chunks > 0
),

cut_off as (
    select
        8,
        'recovered',
        1,
        'The recorder of ' || name || ' died; what it wrote last may be missing.'
    from sessions
    where status = 'recovered'
),

guessed as (
    select
        9,
        'tokens not counted',
        count(*),
        'Requests whose server did not count tokens: their chunks are counted instead.'
    from request_times
    where output_tokens_source = 'events' and phase in ('concurrent', 'solo')
),

untimed as (
    select
        10,
        'parts not reported',
        count(*),
        case source
            when 'client' then 'Agents in a run whose server reported no durations: `prompt` lasts until '
                || 'the first content, `decode` takes the rest.'
            else 'Agents in a run whose server reported no total: a wait for a slot or a model stands '
                || 'in `transport`.'
        end
    from time_budget
    where part = 'decode' and source <> 'server' and phase in ('concurrent', 'solo')
    group by source
),

uncalibrated as (
    select
        11,
        'error not known',
        count(*),
        'Sessions without `tokentape calibrate`: which effects are smaller than the recorder''s own '
            || 'error cannot be said.'
    from sessions
    where status <> 'imported'
        and session_id not in (select session_id from calibrations where figure = 'stamp_error')
)

select warning, n, sentence
from (
    select * from small
    union all
    select * from unmatched
    union all
    select * from failed
    union all
    select * from cut
    union all
    select * from cold
    union all
    select * from called_cold
    union all
    select * from lost
    union all
    select * from cut_off
    union all
    select * from guessed
    union all
    select * from untimed
    union all
    select * from uncalibrated
)
where n > 0
order by place, sentence
