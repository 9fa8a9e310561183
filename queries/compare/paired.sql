-- Is B different from A, pair by pair? One row a metric and group: n pairs, centre, the difference
-- B - A within the pairs with its 95 % interval, p, effect size, and what could have been seen. Asked
-- of `observations` (side, metric, group, pair, value), `metrics` (metric, place, better) and `terms`
-- (centre, limit_percent, error_ms, is_same). What has no partner on the other side is left out.
with pairs as (
    select
        metric,
        "group",
        a.value as value_a,
        b.value as value_b,
        b.value - a.value as difference
    from (select * from observations where side = 'a' and value is not null) as a
    join (select * from observations where side = 'b' and value is not null) as b
        using (metric, "group", pair)
),

sided as (
    select metric, "group", value_a as value, false as is_b from pairs
    union all
    select metric, "group", value_b as value, true as is_b from pairs
),

effects as (
    select
        metric,
        "group",
        hedges_g(value, is_b) as hedges_g
    from sided
    group by metric, "group"
),

tested as (
    select
        metric,
        "group",
        count(*) as n,
        avg(value_a) as mean_a,
        avg(value_b) as mean_b,
        percentile(value_a, 0.5) as median_a,
        percentile(value_b, 0.5) as median_b,
        avg(difference) as mean_difference,
        percentile(difference, 0.5) as median_difference,
        mean_low(difference) as low,
        mean_high(difference) as high,
        bca_median_low(difference, 1) as median_low,
        bca_median_high(difference, 1) as median_high,
        stddev_samp(difference) as sd,
        wilcoxon_p(difference) as p_rank
    from pairs
    group by metric, "group"
)

select
    metric,
    "group",
    n as n_a,
    n as n_b,
    case centre when 'mean' then mean_a else median_a end as centre_a,
    case centre when 'mean' then mean_b else median_b end as centre_b,
    case centre when 'mean' then mean_difference else median_difference end as difference,
    case centre when 'mean' then low else median_low end as low,
    case centre when 'mean' then high else median_high end as high,
    2 * student_t_sf(abs(mean_difference) / nullif(sd / sqrt(n), 0), n - 1) as p_mean,
    p_rank,
    hedges_g,
    minimum_detectable_shift(sd, n) as detectable,
    cast(null as double) as noise_floor
from tested
join effects using (metric, "group")
cross join terms
