-- Is Gemma's published efficiency different from Llama's by more than chance? In points, with
-- Welch's test, per runtime and scenario.
select
    runtime,
    scenario,
    count(*) as n,
    welch(efficiency_percent, starts_with(model, 'gemma'))['difference'] as gemma_ahead,
    welch(efficiency_percent, starts_with(model, 'gemma'))['p'] as p
from published
where starts_with(model, 'gemma') or starts_with(model, 'llama')
group by runtime, scenario
order by runtime, scenario
