-- What follows from `compared`, in words: one row a metric and group, p corrected by Holm over all
-- of them. A verdict needs a corrected p below 0.05; without any spread, any difference is one.
with corrected as (
    select
        *,
        case centre when 'mean' then p_mean else p_rank end as p,
        holm(case centre when 'mean' then p_mean else p_rank end) over () as p_holm,
        100 * difference / nullif(abs(centre_a), 0) as percent
    from compared
    join metrics using (metric)
    cross join terms
),

judged as (
    select
        *,
        case better when 'lower' then percent when 'higher' then -percent end as worse_percent,
        coalesce(p_holm < 0.05, difference <> 0) as is_different
    from corrected
)

select
    metric,
    "group",
    n_a,
    n_b,
    centre_a,
    centre_b,
    difference,
    low,
    high,
    percent,
    p_mean,
    p_rank,
    p_holm,
    hedges_g,
    detectable,
    noise_floor,
    case
        when n_a < 2 or n_b < 2 then 'too few to say'
        when not is_different then 'no difference seen'
        when metric like '%\_ms' escape '\' and abs(difference) < error_ms
            then 'smaller than the recorder''s own error'
        when worse_percent > limit_percent then 'regression'
        when worse_percent > 0 then 'worse, within the limit'
        when worse_percent < 0 then 'better'
        else 'different'
    end as verdict,
    place
from judged
