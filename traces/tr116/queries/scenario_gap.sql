-- By how much identical agents (chimera_homo) exceed a mixed pair (baseline_vs_chimera) in
-- published efficiency, in points, per runtime and model.
select
    runtime,
    model,
    avg(efficiency_percent) filter (where scenario = 'chimera_homo')
        - avg(efficiency_percent) filter (where scenario = 'baseline_vs_chimera') as gap
from published
group by runtime, model
order by runtime, model
