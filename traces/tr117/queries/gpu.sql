-- What the graphics card reported, one row a metric.
select
    metric,
    count(*) as n,
    min(value) as min,
    percentile(value, 0.05) as p5,
    percentile(value, 0.5) as p50,
    percentile(value, 0.95) as p95,
    max(value) as max
from samples
where source like 'gpu%'
group by metric
order by metric
