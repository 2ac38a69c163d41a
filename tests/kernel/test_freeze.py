"""Before a notebook is sent away its live outputs become what they show."""

from __future__ import annotations

from tests.kernel.conftest import Kernel


def test_frozen_outputs_are_static_and_show_what_is_known_by_then(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\n%config NBTrace.auto_display = 'off'\nimport nbtrace", cell_id="load")
    kernel.run("answer = ask('One?')", cell_id="first")
    live = kernel.run("nbtrace.traces()", cell_id="list").displays
    ((output, shown),) = live.items()
    assert shown["text/html"].startswith('<div class="nbtrace-')
    assert " 1 LLM call " in shown["text/plain"]

    kernel.run("answer = ask('Two?')", cell_id="second")
    frozen = kernel.run("nbtrace.freeze()", cell_id="freeze")
    assert (frozen.result, list(frozen.displays)) == ("1 live output made static", [output])
    assert frozen.displays[output]["text/html"].startswith('<div class="mathjax_ignore tex2jax_ignore">')
    assert " 2 LLM calls " in frozen.displays[output]["text/plain"]
    assert kernel.run("nbtrace.freeze()", cell_id="freeze").result == "no live output was left"
    assert kernel.run("print(nbtrace.freeze() + 2, f'{nbtrace.freeze()}')", cell_id="freeze").text == "2 0\n"
