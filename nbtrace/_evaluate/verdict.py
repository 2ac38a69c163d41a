"""What a check says of one span: a number, a word or both, and why; or how it failed to say anything."""

from __future__ import annotations

import math
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from nbtrace._query.scored import FAIL, PASS

LONGEST: Final = 4000
"""Characters kept of a traceback: its end, where it says what happened."""
_OURS: Final = str(Path(__file__).parent)
_EXPECTED: Final = "a bool, a number, a text, a Verdict, None, or a tuple of one of these and an explanation"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of a span.

    Examples:
        >>> Verdict(0.5, "partly", "names one of two cities")
        Verdict(value=0.5, label='partly', explanation='names one of two cities')
    """

    value: float | None = None
    """The number, on whatever scale the check has; 1 and 0 for `pass` and `fail`."""
    label: str | None = None
    """The word."""
    explanation: str | None = None
    """Why."""

    @classmethod
    def of(cls, given: object) -> Verdict | None:
        """Read what a check returned; none if there was nothing to judge.

        Raises:
            TypeError: it is nothing that a check may return.
            ValueError: it is a number that is none, or an infinite one.

        Examples:
            >>> Verdict.of(True), Verdict.of(None)
            (Verdict(value=1.0, label='pass', explanation=None), None)
            >>> Verdict.of((0.5, "half of it"))
            Verdict(value=0.5, label=None, explanation='half of it')
        """
        if given is True or given is False:
            return _PASSED if given else _FAILED
        if given is None:
            return None
        if isinstance(given, Verdict):
            if given.value is not None:
                _plain(given.value)
            return given
        if isinstance(given, str):
            return cls(label=given)
        if isinstance(given, tuple) and len(cast("tuple[Any, ...]", given)) == 2:  # noqa: PLR2004 - what it is, and why
            what, why = cast("tuple[Any, Any]", given)
            found = cls.of(what)
            return None if found is None else cls(found.value, found.label, None if why is None else str(why))
        return cls.of(_plain(given))

    @property
    def passed(self) -> bool | None:
        """Whether it is a pass; none if it is neither that nor a fail."""
        return {PASS: True, FAIL: False}.get(self.label or "")


def _plain(given: object) -> bool | Verdict:
    """Read a number, also numpy's; of those, a bool is one too."""
    if type(given).__name__ in ("bool_", "bool"):
        return bool(given)
    try:
        number = float(cast("Any", given))
    except (TypeError, ValueError):
        message = f"a check returned {type(given).__name__} {given!r:.60}; expected {_EXPECTED}"
        raise TypeError(message) from None
    if not math.isfinite(number):
        message = f"a check returned {number}; expected a finite number, or None where there is nothing to judge"
        raise ValueError(message)
    return Verdict(number)


_PASSED: Final = Verdict(1.0, PASS)
_FAILED: Final = Verdict(0.0, FAIL)


@dataclass(frozen=True, slots=True)
class Failure:
    """That a check raised."""

    error_type: str
    """Class of the error."""
    traceback: str
    """From the check on."""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an error without the frames of ours that led to it."""
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_OURS) and frames.tb_next:
            frames = frames.tb_next
        try:
            said = "".join(traceback.format_exception(type(error), error, frames))
        except Exception:  # noqa: BLE001 - an error whose text fails
            said = f"{type(error).__qualname__}, which cannot be printed"
        said = said if len(said) <= LONGEST else f"…{said[-LONGEST:]}"
        name, module = type(error).__qualname__, type(error).__module__
        return cls(name if module == "builtins" else f"{module}.{name}", said)


Outcome = Verdict | Failure | None
