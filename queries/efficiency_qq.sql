-- Are efficiencies normally distributed, as Student's and Welch's intervals take them to be? Each
-- concurrent run's distance from its configuration's mean against what a normal distribution of the same
-- spread would give at its rank; a panel a rule.
with measured as (
    select
        rule,
        rule_order,
        percent - avg(percent) over (partition by rule, configuration) as residual_points,
        count(percent) over (partition by rule, configuration) as alike
    from efficiencies
    join run_labels using (session_id, run_id)
    where phase = 'concurrent' and percent is not null
),

ranked as (
    select
        *,
        row_number() over (partition by rule order by residual_points) as rank,
        count(*) over (partition by rule) as n,
        stddev_samp(residual_points) over (partition by rule) as sd_points
    from measured
    where alike > 1
)

select
    'by ' || rule as panel,
    rule,
    n,
    normal_quantile((rank - 0.5) / n) as theoretical_sd,
    residual_points,
    sd_points * normal_quantile((rank - 0.5) / n) as line_points
from ranked
where n > 2
order by rule_order, rank
