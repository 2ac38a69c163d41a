"""No exercise is done by doing nothing, whatever is given as its answer, and what is missing is said in one line."""

from __future__ import annotations

from typing import Any

import pytest

import nbtrace
from nbtrace import _guard, semconv
from nbtrace._exercises import EXERCISES


def call() -> Any:
    """Make a step that is a call."""
    return nbtrace.span("call", kind="chain", **{semconv.OPERATION_NAME: "chat"})


class Rude:
    """An answer, or a name, that does not want to be looked at."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize("answer", [None, ..., "", "x", 0, 1.5, float("nan"), [], Rude(), b"\xff", "9" * 10_000])
@pytest.mark.parametrize("name", EXERCISES)
def test_nothing_done_is_not_yet(name: str, answer: Any) -> None:
    said = nbtrace.exercise(name, answer)
    assert not said.is_done
    assert repr(said).startswith(f"○ Exercise {name}: not yet. Expected: ")
    assert len(repr(said).splitlines()) == 1


@pytest.mark.parametrize("name", ["10000", "", None, 12, 2.5, "1 2", "9" * 10_000, "<b>", Rude()])
def test_an_unknown_exercise_is_no_error(name: Any) -> None:
    said = nbtrace.exercise(name)
    assert not said.is_done
    assert "there is no such exercise; there are: 01, 02, " in repr(said)
    assert "<b>" not in said._repr_html_()


@pytest.mark.parametrize("name", [2, "2", "02", "02-parent", "02_what_is_a_span.ipynb"])
def test_an_exercise_is_known_by_its_number(name: Any) -> None:
    assert repr(nbtrace.exercise(name)).startswith("○ Exercise 02: not yet. ")


def test_a_step_without_a_call_is_told_what_is_missing() -> None:
    with nbtrace.session(), nbtrace.span("greeting"):
        pass
    assert repr(nbtrace.exercise("02")) == (
        "○ Exercise 02: not yet. Expected: a call below the span 'greeting'. There is: nothing below it. "
        "Hint: indent the call, so that it is made before the `with` block ends."
    )


def test_what_a_span_says_is_shown_in_visible_characters() -> None:
    with nbtrace.session(), nbtrace.span("exchange", kind="agent"), nbtrace.span("convert", kind="tool") as tool:
        tool.input("\x1b]0;x\x07")
        tool.output("1")
    said = nbtrace.exercise("07")
    assert said.is_done
    assert repr(said).startswith("✓ Exercise 07: the tool got \N{REPLACEMENT CHARACTER}]0;x\N{REPLACEMENT CHARACTER} ")


def test_a_tool_beside_its_agent_is_told_so() -> None:
    with nbtrace.session():
        with nbtrace.span("exchange", kind="agent"):
            pass
        with nbtrace.span("convert"):
            pass
        assert "There is: one of kind 'chain'." in repr(nbtrace.exercise("07"))
        with nbtrace.span("convert", kind="tool"):
            pass
    assert "There is: the two apart." in repr(nbtrace.exercise("07"))


def test_a_call_that_failed_is_not_done() -> None:
    with nbtrace.session():
        with pytest.raises(KeyError), nbtrace.span("greeting"), call():
            raise KeyError
        said = repr(nbtrace.exercise("02"))
    assert "Expected: a call that was answered. There is: one that failed: builtins.KeyError. " in said


def test_calls_one_after_another_are_told_from_calls_at_once() -> None:
    with nbtrace.session():
        with nbtrace.span("survey"):
            for _ in range(3):
                with call():
                    pass
        assert "There is: one that began when those before had ended. " in repr(nbtrace.exercise("03"))
        with nbtrace.span("survey"), call(), call():
            with call():
                pass
        assert "There is: one without a user. " in repr(nbtrace.exercise("03"))


def test_a_span_that_is_no_call_is_not_the_slowest_call() -> None:
    with nbtrace.session(), call():
        pass
    with nbtrace.session(), nbtrace.span("step"):
        pass
    step = nbtrace.spans(name="step")[-1]
    assert "There is: the span of a chain, 'step', which is no call. " in repr(nbtrace.exercise("01", step))


def test_a_failure_of_ours_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(work: object) -> str:
        raise KeyError(work)

    monkeypatch.setattr(_guard, "reraise", False)
    monkeypatch.setitem(EXERCISES, "01", broken)
    said = nbtrace.exercise("01")
    assert (said.is_done, said.said) == (False, "this could not be looked at (KeyError); run the cells above again")
