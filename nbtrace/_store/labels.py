"""Labels: what a reader may say of a span by hand, each by a key from 1 on.

What is said becomes a score with the labels' name. A label that is a number is the score's value; a word is its label,
with a value where one was given for it, so that comparisons have something to count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast

from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.scores import Score

MOST: Final = 9
"""As many labels as there are digits to choose them by."""
LabelsGiven = Mapping[str, "Sequence[str | float] | Mapping[str, float]"]
_EXPECTED: Final = f"one name with its labels, 1 to {MOST}, such as {{'tone': ['kind', 'neutral', 'rude']}}"


class Label(NamedTuple):
    """One label: what is shown of it, and what a score of it holds."""

    shown: str
    label: str | None
    value: float | None


class Judgement(NamedTuple):
    """What somebody has said of a span by hand."""

    number: int = 0
    """Of the label, from 1; 0 where there is a note only."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """A name and its labels.

    Examples:
        >>> Labels.of({"tone": ["kind", "rude"]}).choices[0].shown
        'kind'
    """

    name: str
    choices: tuple[Label, ...]

    @classmethod
    def of(cls, given: LabelsGiven) -> Self:
        """Take labels as a user writes them.

        Raises:
            UsageError: they are no name with one to nine different labels.
        """
        try:
            ((name, labels),) = cast("Mapping[Any, Any]", given).items()
            choices = () if isinstance(labels, str) else tuple(_label(one, labels) for one in labels)
        except (AttributeError, TypeError, ValueError):
            raise UsageError.argument("labels", _EXPECTED, given) from None
        if not isinstance(name, str) or not 0 < len(choices) == len({one.shown for one in choices}) <= MOST:
            raise UsageError.argument("labels", _EXPECTED, given)
        return cls(name, choices)

    def given(self) -> dict[str, Any]:
        """Write them as a user does."""
        if any(one.label is not None and one.value is not None for one in self.choices):
            return {self.name: {one.shown: one.value for one in self.choices}}
        return {self.name: [one.value if one.label is None else one.label for one in self.choices]}

    def judged(self, scores: pa.Table, annotator: str | None) -> dict[tuple[bytes, bytes], Judgement]:
        """Find what an annotator has last said of each span, by its ids."""
        import pyarrow.compute as pc

        rows = scores.filter((pc.field("source") == "human") & (pc.field("name") == self.name))
        numbers = {(one.label, one.value): number for number, one in enumerate(self.choices, 1)}
        return {
            (row["trace_id"], row["span_id"]): Judgement(
                numbers.get((row["label"], row["value"]), 0), row["explanation"] or ""
            )
            for row in rows.to_pylist()
            if row["evaluator"] == annotator
        }

    def said(self, score: Score, judgement: Judgement) -> Score:
        """Fill a score in with a judgement."""
        chosen = self.choices[judgement.number - 1] if judgement.number else Label("", None, None)
        return replace(score, label=chosen.label, value=chosen.value, explanation=judgement.note or None)


def _label(given: object, labels: object) -> Label:
    if isinstance(labels, Mapping):
        return Label(str(given), str(given), float(cast("Mapping[object, float]", labels)[given]))
    if isinstance(given, int | float) and not isinstance(given, bool):
        return Label(f"{given:g}", None, float(given))
    return Label(str(given), str(given), None)


RATING: Final = Labels.of({"rating": [1, 2, 3, 4, 5]})
"""What is asked where nothing else was said: how good it is."""
