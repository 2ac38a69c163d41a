"""Drift as it is read: a sentence, a table in text, Markdown, HTML and as a data frame, and a chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import text
from nbtrace._query.drift import Compared, Drifts, Pair
from nbtrace._query.drift_words import named, probability, sentences, signed, size, told
from nbtrace._query.result import Result
from nbtrace._widgets import static
from nbtrace._widgets.markup import clip, escape, markdown, visible
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._widgets.figure import TraceFigure

NAME: Final = 40
TOLD: Final = 60
ROWS, FEWEST = 18, 2
"""Rows of all tables in the HTML that a notebook keeps, and of each at least."""


class Drift(Result):
    """Whether calls have come to behave otherwise: a row a test, and one for each figure that could not be tested.

    `str(drift)` is for a terminal; in a notebook it is drawn. It is true if something moved.

    Examples:
        >>> import nbtrace
        >>> print(nbtrace.drift(nbtrace.spans(), nbtrace.spans()).sentence)
        too few calls to compare: 0 and 0, 8 are needed of each
    """

    __slots__ = ("found",)

    def __init__(self, found: Drifts) -> None:
        super().__init__(_table(found))
        self.found = found
        """The data: pairs of samples, each with its figures and their tests."""

    @property
    def sentences(self) -> list[str]:
        """What moved, and what did not: a sentence for each two samples."""
        return [visible(sentence) for sentence in sentences(self.found)]

    @property
    def sentence(self) -> str:
        """All of it in one text."""
        return "\n".join(self.sentences)

    @property
    def moved(self) -> list[str]:
        """The figures that moved, beyond chance and not negligibly."""
        return list(dict.fromkeys(one.figure for pair in self.found.pairs for one in pair.figures if one.has_moved))

    def __bool__(self) -> bool:
        return bool(self.moved)

    def to_markdown(self) -> str:
        """Write it for a pull request."""
        lines: list[str] = []
        for pair, sentence in self._told():
            lines += [f"**{markdown(sentence)}**", ""]
            if pair is not None:
                head = ["", *_heads(pair), "effect", "p", ""]
                lines += [f"| {' | '.join(map(markdown, head))} |", "|---|--:|--:|--:|--:|---|"]
                lines += [f"| {' | '.join(map(markdown, _cells(one)))} |" for one in pair.figures]
                lines.append("")
        return "\n".join(lines).strip()

    def chart(self) -> TraceFigure:
        """Draw the figures before and after: numbers as boxes, words as bars; what moved says so in its title.

        Raises:
            UsageError: plotly is not installed (`pip install "nbtrace[charts]"`).
        """
        try:
            from nbtrace._widgets import drift_chart
        except ImportError as error:
            raise UsageError.missing("chart()", "plotly", extra="nbtrace[charts]") from error
        return drift_chart.chart(self.found, self.sentences, (self._repr_html_(), str(self)))

    def _told(self) -> Iterator[tuple[Pair | None, str]]:
        said = self.sentences
        pairs: list[Pair | None] = [*self.found.pairs]
        pairs += [None] * (len(said) - len(pairs))
        return zip(pairs, said, strict=True)

    def __str__(self) -> str:
        lines: list[str] = []
        for pair, sentence in self._told():
            lines.append(sentence)
            if pair is not None and pair.figures:
                lines += _aligned([["", *_heads(pair), "effect", "p", ""], *map(_cells, pair.figures)])
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts: list[str] = []
        for pair, sentence in self._told():
            table = _html(pair, max(FEWEST, ROWS // len(self.found.pairs))) if pair is not None and pair.figures else ""
            parts.append(static.page(sentence, table))
        return "".join(parts)


def _table(found: Drifts) -> Any:
    import pyarrow as pa

    words = ("group_before", "group_after", "figure", "before", "after", "test", "effect_name", "size", "note")
    kinds: dict[str, Any] = dict.fromkeys(words, pa.string())
    kinds |= dict.fromkeys(("n_before", "n_after"), pa.int64())
    kinds |= dict.fromkeys(("effect", "p", "p_corrected"), pa.float64()) | {"moved": pa.bool_()}
    order = ("group_before", "group_after", "figure", "n_before", "n_after", "before", "after", "test", "effect_name",
             "effect", "size", "p", "p_corrected", "moved", "note")  # fmt: skip
    rows = [row for pair in found.pairs for one in pair.figures for row in _rows(pair, one)]
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds[name]) for name in order]))


def _rows(pair: Pair, one: Compared) -> Iterator[dict[str, Any]]:
    before, after = told(one)
    row: dict[str, Any] = {
        "group_before": pair.before, "group_after": pair.after, "figure": one.figure, "n_before": one.n[0],
        "n_after": one.n[1], "before": before or None, "after": after or None, "moved": False,
    }  # fmt: skip
    if not one.tests:
        yield row | {"note": one.note}
    for at, (test, corrected) in enumerate(zip(one.tests, one.p, strict=True)):
        yield row | {
            "test": test.test, "effect_name": test.effect_name, "effect": test.effect,
            "size": size(test.effect, test.effect_name) or None, "p": test.p, "p_corrected": corrected,
            "moved": one.moves(at),
        }  # fmt: skip


def _heads(pair: Pair) -> list[str]:
    return [
        f"{clip(visible(name), NAME)} ({text.counted(calls, 'call')})"
        for name, calls in zip((pair.before, pair.after), pair.calls, strict=True)
    ]


def _cells(one: Compared) -> list[str]:
    before, after = (clip(visible(words), TOLD) for words in told(one))
    name = clip(visible(named(one.figure)), NAME)
    if not one.tests:
        return [name, before, after, "", "", one.note]
    test, p = one.tests[one.best], one.p[one.best]
    effect = f"{test.effect_name} {signed(test.effect, test.effect_name)}"
    return [name, before, after, effect, probability(p).removeprefix("p = ").removeprefix("p "), _verdict(one)]


def _verdict(one: Compared) -> str:
    test = one.tests[one.best]
    if not one.is_beyond_chance:
        return "within chance"
    if not one.has_moved:
        return "negligible"
    word = size(test.effect, test.effect_name)
    return f"moved, {word}" if word not in ("", "negligible") else "moved"  # a rare word matters all the same


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:-1], widths[1:-1]), row[-1]]
        ).rstrip()
        for row in rows
    ]  # fmt: skip


def _html(pair: Pair, most: int) -> str:
    """Draw a table of so many figures; of more, those that moved come first."""
    sides = [static.LEFT, *[static.RIGHT] * 4, static.LEFT]
    titles = ["", *_heads(pair), "effect", "p", ""]
    head = "".join(
        f"<th {side}><span {static.HEAD}>{escape(title)}</span></th>" for side, title in zip(sides, titles, strict=True)
    )
    body: list[str] = []
    figures = sorted(pair.figures, key=lambda one: not one.has_moved) if len(pair.figures) > most else pair.figures
    for one in figures[:most]:
        faint = ("", "") if one.is_beyond_chance else (f"<span {static.FAINT}>", "</span>")
        cells = [escape(cell) for cell in _cells(one)]
        cells = [cells[0], *cells[1:3], *(cell.replace(" ", static.NBSP) for cell in cells[3:])]
        if one.has_moved:
            cells[0], cells[-1] = f"<b>{cells[0]}</b>", f"<b>{cells[-1]}</b>"
        drawn = (f"<td {side}>{faint[0]}{cell}{faint[1]}</td>" for side, cell in zip(sides, cells, strict=True))
        body.append(f"<tr>{''.join(drawn)}</tr>")
    rest = "".join(
        f'<tr><td {static.LEFT} colspan="{len(titles)}"><span {static.FAINT}>{words}</span></td></tr>'
        for words in static.more(len(figures) - most, "more figure")
    )
    return f"{static.TABLE}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}{rest}</tbody></table>"
