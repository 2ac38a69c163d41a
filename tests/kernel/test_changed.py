"""Who names no prompt still sees what a cell asks otherwise than when it ran before."""

from __future__ import annotations

from tests.kernel.conftest import Kernel
from tests.kernel.reading import line, printed

MARK = "changed since the last run"


def test_a_cell_says_that_it_asks_something_else_than_before(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    said = [
        kernel.run(source, cell_id="asking")
        for source in (
            "ask('Name a bird')",
            "ask('Name a bird')",
            "# one more line\nask('Name a <b>red</b> bird')",
            "ask('Name a <b>red</b> bird', temperature=0.5)",
            "ask('Name a <b>red</b> bird', temperature=0.5)\nask('And a fish')",
        )
    ]
    assert [MARK in line(outputs) for outputs in said] == [False, False, True, True, True]
    (bundle,) = said[2].displays.values()
    assert "<ins " in bundle["text/html"]
    assert "&lt;b&gt;red&lt;/b&gt;" in bundle["text/html"]
    assert "<b>red" not in bundle["text/html"]
    heavy = "[name for name in ('pandas', 'plotly', 'anywidget', 'polars') if name in __import__('sys').modules]"
    assert printed(kernel, heavy) == []


def test_the_runs_of_a_cell_are_compared_call_by_call(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace")
    first = "for bird in ('owl', 'jay'):\n    ask('Describe the ' + bird)\nask('Bye')"
    second = "x = 1\n\nfor bird in ('owl', 'jay', 'tit'):\n    ask('Describe briefly the ' + bird)\nask('Bye')"
    for source in (first, second):
        kernel.run(source, cell_id="loop")
    kernel.run("ask('alone')", cell_id="other")
    kernel.run("found = nbtrace.compare().comparison")
    assert printed(kernel, "found.labels") == ["run 1", "run 2"]
    assert printed(kernel, "[dict(one) for one in found.inputs]") == [
        {"call 1": "user: Describe briefly the owl"},
        {"call 2": "user: Describe briefly the jay"},
        {"call 3": "user: Bye"},
        {"call 4": "user: Describe briefly the tit"},
    ]
    cells = "[[len(found.cell(row, column)) for column in range(2)] for row in range(4)]"
    assert printed(kernel, cells) == [[1, 1], [1, 1], [1, 1], [0, 1]]
    templates = printed(kernel, "list(dict.fromkeys(run.template for run in found.runs))")
    assert templates == [
        "smollm2-135m, max_tokens 8\nuser: Describe the owl\n\nsmollm2-135m, max_tokens 8\nuser: Bye",
        "smollm2-135m, max_tokens 8\nuser: Describe briefly the owl\n\nsmollm2-135m, max_tokens 8\nuser: Bye",
    ]
    refused = kernel.run("nbtrace.compare(cell='other')").error
    assert "the cell 'other' has not made LLM calls in more than one run; run it again, then compare" in refused


def test_a_prompt_whose_text_was_changed_on_the_way_is_said_to_be_in_no_call(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace\nbird = nbtrace.prompt('bird', 'Describe the {name} in a line')")
    said = [
        line(kernel.run(source))
        for source in (
            "ask(bird.format(name='owl'))",
            "ask(f'Please! {bird.format(name=\"owl\")}')",
            "ask(bird.format(name='owl').upper())",
            "ask('Name a fish')",
        )
    ]
    lost = "bird v1 rendered, its text in no call"
    assert [lost in one for one in said] == [False, False, True, False]
