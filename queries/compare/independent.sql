-- Is B different from A? One row a metric and group: n, centre, the difference B - A with its 95 %
-- interval, p, effect size, and what could have been seen. Asked of `observations` (side, metric,
-- group, value), `metrics` (metric, place, better), `terms` (centre, limit_percent, error_ms, is_same).
with tested as (
    select
        metric,
        "group",
        count(*) filter (where side = 'a') as n_a,
        count(*) filter (where side = 'b') as n_b,
        avg(value) filter (where side = 'a') as mean_a,
        avg(value) filter (where side = 'b') as mean_b,
        percentile(value, 0.5) filter (where side = 'a') as median_a,
        percentile(value, 0.5) filter (where side = 'b') as median_b,
        welch(value, side = 'b') as means,
        -- Drawing medians anew is slow: only where they are asked for.
        bca_median_difference(value, side = 'b', 1) filter (where centre = 'median') as medians,
        mann_whitney(value, side = 'b') as ranks,
        hedges_g(value, side = 'b') as hedges_g,
        -- Only of one set against itself.
        noise_floor(value, 1) filter (where is_same) as noise_floor,
        var_samp(value) filter (where side = 'a') as variance_a,
        var_samp(value) filter (where side = 'b') as variance_b
    from observations
    cross join terms
    where value is not null
    group by metric, "group"
)
select
    metric,
    "group",
    n_a,
    n_b,
    case centre when 'mean' then mean_a else median_a end as centre_a,
    case centre when 'mean' then mean_b else median_b end as centre_b,
    case centre when 'mean' then mean_b - mean_a else median_b - median_a end as difference,
    case centre when 'mean' then means['low'] else medians['low'] end as low,
    case centre when 'mean' then means['high'] else medians['high'] end as high,
    means['p'] as p_mean,
    ranks['p'] as p_rank,
    hedges_g,
    minimum_detectable_effect(
        sqrt(((n_a - 1) * variance_a + (n_b - 1) * variance_b) / nullif(n_a + n_b - 2, 0)),
        n_a,
        n_b
    ) as detectable,
    noise_floor
from tested
cross join terms
