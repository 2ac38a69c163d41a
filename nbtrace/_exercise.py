"""The checks of the course's exercises: each looks at what the learner has recorded, and says how far it is."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from nbtrace._api import default
from nbtrace._guard import caught

if TYPE_CHECKING:
    from typing import Final

_DONE: Final = "✓"
_NOT_YET: Final = "○"
_NUMBERED: Final = re.compile(r"0*([0-9]{1,2})([-_ .][^0-9].*)?")
"""An exercise by its number, or as its notebook is called."""


class Feedback:
    """What a check says of an exercise; shown as one line."""

    def __init__(self, name: str, said: str, *, is_done: bool = False) -> None:
        self.name = name
        self.said = said
        """What is right; or what was expected, what came, and a hint."""
        self.is_done = is_done
        """Whether the exercise is done."""

    def __repr__(self) -> str:
        from nbtrace._widgets.markup import visible

        return visible(f"{_DONE if self.is_done else _NOT_YET} Exercise {self.name}: {self.said}")

    def _repr_html_(self) -> str:
        bar = "solid var(--jp-success-color1, #388e3c)" if self.is_done else "dashed var(--jp-border-color1, #999)"
        return f'<p style="border-left: 2px {bar}; padding-left: 0.75em">{escape(repr(self))}</p>'


def exercise(name: object, answer: object = None) -> Feedback:
    """Check an exercise of the course in `notebooks/`.

    What is looked at are the spans of this session, and the answer where the exercise asks for one. It never raises:
    what is missing, or could not be looked at, is said.

    Args:
        name: the exercise, such as `"02"`, or `2`.
        answer: what the exercise asks for, if it asks for a value.

    Returns:
        One line: that it is done and what was found, or what was expected, what came, and a hint. `is_done` is the same
        as a bool.

    Examples:
        >>> import nbtrace
        >>> nbtrace.exercise("02").is_done
        False
        >>> nbtrace.exercise("oven")  # doctest: +ELLIPSIS
        ○ Exercise oven: there is no such exercise; there are: 01, 02, ...
    """
    from nbtrace._exercises import EXERCISES, NotYetError, Work

    said = _text(name)
    numbered = _NUMBERED.fullmatch(said)
    shown = numbered[1].zfill(2) if numbered is not None else said[:40]
    known = EXERCISES.get(shown)
    if known is None:
        return Feedback(shown, f"there is no such exercise; there are: {', '.join(EXERCISES)}")
    try:
        return Feedback(shown, known(Work(default(), answer)), is_done=True)
    except NotYetError as missing:
        return Feedback(shown, f"not yet. {missing}")
    except Exception as error:  # noqa: BLE001 - a learner's answer may be anything
        caught("exercise", error)
        return Feedback(shown, f"this could not be looked at ({type(error).__name__}); run the cells above again")


def _text(name: object) -> str:
    try:
        return str(name)
    except Exception:  # noqa: BLE001 - a name may be anything
        return f"of type {type(name).__name__}"
