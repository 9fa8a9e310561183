"""The gardener's tests. They need no model: a recorded one answers.

    tokentape replay traces/gemma3-270m-pair --allow-unused -- pytest examples/pytest
"""

import json
import urllib.error

import pytest

from gardener import ADVICE, FINDING, advise

WEEK = """\
Measurements in the greenhouse, first week of May

day        degrees  litres of water  kWh
Monday          21               40  118
Tuesday         22               41  121
Wednesday       21               39  119
Thursday        34               78  187
Friday          22               42  125"""


def test_the_advice_builds_on_the_finding():
    finding, advice = advise(WEEK)
    assert finding.startswith(f"{FINDING} the water level in the greenhouse was 30% higher")
    assert advice.startswith(ADVICE) and advice.endswith(".")


def test_a_request_that_was_not_recorded_is_refused_and_the_difference_is_named():
    with pytest.raises(urllib.error.HTTPError) as refused:
        advise(WEEK.replace("34", "43"))
    said = json.load(refused.value)["error"]["message"]
    assert refused.value.code == 404 and "$.messages[0].content" in said
