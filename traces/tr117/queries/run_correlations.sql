-- What goes with a run's efficiency as published, over the runs: Pearson's r of each figure.
with figures(figure) as (
    values ('lag p99'), ('lag mean'), ('chunks a second')
),

correlated as (
    select
        figure,
        count(*) as n,
        corr(
            case figure
                when 'lag p99' then lag_p99_ms
                when 'lag mean' then lag_mean_ms
                when 'chunks a second' then chunks_per_s
            end,
            efficiency_percent
        ) as r,
        corr(
            case figure
                when 'lag p99' then lag_p99_ms
                when 'lag mean' then lag_mean_ms
            end,
            chunks_per_s
        ) as r_chunks
    from lag_runs
    cross join figures
    group by figure
)

select
    figure,
    n,
    r,
    r * r as r_squared,
    correlation_p(r, n) as p,
    r_chunks
from correlated
order by figure
