"""Somebody has a rule watched while the notebook runs: lines below cells, the magic, the trace."""

from __future__ import annotations

import json

from tests.kernel.conftest import Kernel

FAIL = """
from openai import OpenAI, OpenAIError
lost = OpenAI(base_url="http://127.0.0.1:9/v1", max_retries=0)
try:
    lost.chat.completions.create(model=MODEL, messages=[])
except OpenAIError:
    pass
"""


def lines(displays: dict[str, dict[str, str]]) -> list[str]:
    """Give what the watch has shown, without the line of the cell's calls."""
    shown = [bundle["text/plain"].splitlines()[0] for bundle in displays.values()]
    return [line[line.index(" ") + 1 :] for line in shown if "LLM call" not in line]


def test_a_broken_rule_is_told_below_the_cell_that_broke_it(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    assert kernel.run("%nbtrace watch").text == 'nothing is watched; %nbtrace watch "error_rate > 2%" does\n'
    assert (
        kernel.run('%nbtrace watch "error_rate > 20%" --window "3 calls"').text == "error_rate > 20%: not known yet\n"
    )
    assert lines(kernel.run("ask('a')").displays) == []
    broken = kernel.run(FAIL, cell_id="broken").displays
    assert lines(broken) == ["error_rate > 20% is broken: 50.0% in 2 calls · 1 call to look at"]
    assert lines(kernel.run("x = 1").displays) == []
    assert kernel.run("%nbtrace watch").text == "error_rate > 20%: is broken, 50.0% in 2 calls\n"
    assert "watched: error_rate > 20%: is broken, 50.0% in 2 calls" in kernel.run("%nbtrace status").text
    assert lines(kernel.run("for _ in range(3): ask('b')").displays) == [
        "error_rate > 20% holds again: 0.0% in the last 3 calls"
    ]
    told = kernel.run(
        "import json, nbtrace\nspan = nbtrace.spans(kind='evaluation')[0]\n"
        "above = [one.name for one in nbtrace.spans(trace=span.trace_id) if one.span_id == span.parent_span_id]\n"
        "print(json.dumps([span.cell_id, above[0][:4], span.attributes['gen_ai.evaluation.score.label']]))"
    )
    assert json.loads(told.text) == ["broken", "cell", "fail"]

    # What fails in a watch fails no cell, and no other watch.
    kernel.run(
        "import logging\nlogging.getLogger('nbtrace').setLevel(logging.CRITICAL)\n"
        "def fail(): raise RuntimeError\nnbtrace.session().watches[0].look = fail\nother = nbtrace.watch('calls > 0')"
    )
    assert kernel.run("print(other.alerts[0].said)").text == "calls > 0 is broken: 5 in 5 calls\n"
    assert kernel.run("%nbtrace watch off").text == "nothing is watched any more\n"
    assert kernel.run("%nbtrace watch nonsense").text.startswith("UsageError: ")
