-- Does the event loop's lag rise with the rate at which chunks came meanwhile?
with correlated as (
    select
        count(*) as n,
        corr(lag_ms, chunks_per_s) as r,
        spearman(lag_ms, chunks_per_s) as rho
    from lag_windows
)
select
    n,
    r,
    rho,
    correlation_p(r, n) as p,
    fisher_z_low(r, n) as r_low,
    fisher_z_high(r, n) as r_high
from correlated
