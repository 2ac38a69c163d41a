"""Checks against a labelled set: whether the label that an answer gives is the one that was expected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from nbtrace._evaluate.making import built_in
from nbtrace._evaluate.verdict import Verdict
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._evaluate.check import Check

OTHER: Final = "none of them"
"""The label of an answer in which there is no label, or more than one."""


def accuracy(labels: Sequence[str], *, name: str = "accuracy") -> Check:
    """Check that an answer gives the label that is its reference.

    The label of an answer is the one that it is, or else the only one that it has in it as a word, whatever its case.
    The mean is the accuracy; `.confusion()` of the evaluation has how often which label was given for which.

    Args:
        labels: all labels that there are.
        name: what it is called.

    Raises:
        UsageError: there are fewer than two.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.accuracy(["spam", "ham"]).function("It is spam.", "ham", labels=("spam", "ham"))
        Verdict(value=0.0, label='spam', explanation="expected 'ham'")
    """
    if isinstance(labels, str) or len(set(labels)) < 2:  # noqa: PLR2004 - or there is nothing to tell apart
        raise UsageError.argument("labels", "two labels or more", labels)
    return built_in(_accuracy, name, labels=tuple(dict.fromkeys(labels)))


def _accuracy(answer: str | None, reference: object, labels: Sequence[str] = ()) -> Verdict | None:
    if answer is None or reference is None:
        return None
    expected = str(reference)
    if expected not in labels:
        message = f"the reference {expected!r:.60} is none of the labels: {', '.join(labels)}"
        raise ValueError(message)
    said = label_of(answer, labels)
    return Verdict(float(said == expected), said, None if said == expected else f"expected {expected!r}")


def label_of(answer: str, labels: Sequence[str]) -> str:
    """Find the label that an answer gives.

    Examples:
        >>> label_of("Not spam, ham", ["spam", "ham"]), label_of("HAM.", ["spam", "ham"])
        ('none of them', 'ham')
    """
    whole = answer.strip().strip(".!\"'`*").casefold()
    for label in labels:
        if whole == label.casefold():
            return label
    found = [label for label in labels if re.search(rf"(?<!\w){re.escape(label)}(?!\w)", answer, re.IGNORECASE)]
    inner = [one for one in found if not any(one != other and one.casefold() in other.casefold() for other in found)]
    return inner[0] if len(inner) == 1 else OTHER
