"""Drift as a chart: a panel a figure, a row a group; numbers as boxes, words as shares of a bar.

Importing this module imports plotly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query.drift import SAME, Drifts
from nbtrace._query.drift_words import amount, named, probability
from nbtrace._widgets.figure import COLOURS, GREY, INDIGO, TraceFigure, new, words
from nbtrace._widgets.panels import left_titles, log_ticks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Panel = tuple[str, str]
"""A figure, and its kind: a score may be numbers in one pair and words in another."""
Told = list[tuple[str, Any]]
"""The name of a group, and a figure of it: sorted numbers, or how often each word is there."""

COLUMNS: Final = 3
ROW, PANEL = 26, 98
"""Pixels of a group's row, and of a panel besides."""
MOST_WORDS: Final = 5
"""Words that have a colour; the others are grey."""
LETTERS, FEWEST = 22, 4
"""Letters that a whole bar has room for, and how many a word needs to be told by."""
SHARES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
WIDE: Final = 8.0
"""Ratio of the largest to the smallest quantile from which on an axis is logarithmic."""
NOTE, MOST_NOTES = 160, 8
"""Characters of a part of a sentence, and how many of these stand above the chart; all are in the text."""


def chart(found: Drifts, sentences: Sequence[str], pictures: tuple[str, str]) -> TraceFigure:
    """Draw what was compared."""
    panels = _panels(found)
    notes = [part for sentence in sentences for part in sentence.split("; ")]
    figure = new(pictures, "Drift", [words(note, NOTE) for note in notes[:MOST_NOTES]], {})
    if not panels:
        return figure
    rows = -(-len(panels) // COLUMNS)
    labels = list(dict.fromkeys(label for pair in found.pairs for label in (pair.before, pair.after)))
    figure.set_subplots(
        rows, COLUMNS, shared_yaxes=True, horizontal_spacing=0.06,
        vertical_spacing=min(0.5, 66 / (rows * (PANEL + ROW * len(labels)))) if rows > 1 else 0,
        subplot_titles=[_title(panel, found) for panel in panels],
    )  # fmt: skip
    layout: Any = figure.layout
    figure.update_layout(
        barmode="stack", showlegend=False, margin_t=layout.margin.t + 20,
        height=layout.margin.t + 20 + rows * (PANEL + ROW * len(labels)),
    )  # fmt: skip
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[words(label) for label in labels],
        autorange="reversed", showgrid=False,
    )  # fmt: skip
    left_titles(figure)
    for at, ((name, kind), samples) in enumerate(panels.items()):
        place = {"row": at // COLUMNS + 1, "col": at % COLUMNS + 1}
        if kind == "word":
            _bars(figure, samples, place)
        else:
            _boxes(figure, name, samples, place)
    return figure


def _panels(found: Drifts) -> dict[Panel, Told]:
    """Gather the figures that are not the same everywhere, those that moved first."""
    told: dict[Panel, dict[str, Any]] = {}
    for pair in found.pairs:
        for one in pair.figures:
            for label, n, value in zip((pair.before, pair.after), one.n, (one.before, one.after), strict=True):
                if n and value is not None and one.note != SAME:
                    told.setdefault((one.figure, one.kind), {})[label] = value
    moved = {(one.figure, one.kind) for pair in found.pairs for one in pair.figures if one.has_moved}
    panels = sorted(told, key=lambda panel: panel not in moved)
    return {panel: list(told[panel].items()) for panel in panels}


def _title(panel: Panel, found: Drifts) -> str:
    figures = [one for pair in found.pairs for one in pair.figures if (one.figure, one.kind) == panel]
    moved = [one for one in figures if one.has_moved]
    shown = words(named(panel[0]))
    if len(found.pairs) > 1:
        return (
            f"<b>{shown}</b><br>moved in {len(moved)} of {len(found.pairs)}" if moved else f"{shown}<br>within chance"
        )
    if moved:
        return f"<b>{shown}</b><br>moved, {probability(moved[0].p[moved[0].best])}"
    return f"{shown}<br>{'within chance' if figures[0].tests else 'not tested'}"


def _boxes(figure: TraceFigure, name: str, samples: Told, place: Mapping[str, Any]) -> None:
    import numpy as np

    quarters = [np.quantile(values, SHARES).tolist() for _, values in samples]
    names = [words(label) for label, _ in samples]
    for at, (label, each) in enumerate(zip(names, quarters, strict=True)):
        figure.add_box(
            y=[label], orientation="h", lowerfence=[each[0]], q1=[each[1]], median=[each[2]], q3=[each[3]],
            upperfence=[each[4]], line={"color": GREY if at == 0 else INDIGO, "width": 1.5}, width=0.55,
            hoverinfo="skip", **place,
        )  # fmt: skip
    told = [
        f"median {amount(name, each[2])}, middle half {amount(name, each[1])} to {amount(name, each[3])}"
        for each in quarters
    ]
    figure.add_scatter(
        x=[each[2] for each in quarters], y=names, mode="markers", marker={"size": 12, "opacity": 0}, customdata=told,
        hovertemplate="%{y}: %{customdata}<extra></extra>", **place,
    )  # fmt: skip
    values = [value for each in quarters for value in each]
    if min(values) > 0 and max(values) / min(values) > WIDE:
        ticks = log_ticks(values)
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[_tick(name, tick) for tick in ticks], **place)
    else:
        prefix, suffix = ("$" if name == "cost_usd" else ""), (" s" if name.endswith("_s") else "")
        figure.update_xaxes(nticks=4, tickprefix=prefix, ticksuffix=suffix, **place)


def _fitting(word: str, share: float) -> str:
    """Give what a part of a bar has room for of its word."""
    room = int(share * LETTERS)
    return words(word, room) if room >= min(FEWEST, len(word)) else ""


def _tick(name: str, value: float) -> str:
    return amount(name, value).replace(".00 ", " ") if name.endswith("_s") else f"{'$' * (name == 'cost_usd')}{value:g}"


def _bars(figure: TraceFigure, samples: Told, place: Mapping[str, Any]) -> None:
    sums: dict[str, int] = {}
    for _, counts in samples:
        for word, count in counts.items():
            sums[word] = sums.get(word, 0) + count
    names = [words(label) for label, _ in samples]
    order = sorted(sums, key=lambda word: (-sums[word], word))
    for at, word in enumerate(order):
        shares = [counts.get(word, 0) / sum(counts.values()) for _, counts in samples]
        figure.add_bar(
            x=shares, y=names, orientation="h", marker_color=COLOURS[at] if at < MOST_WORDS else GREY,
            text=[_fitting(word, share) for share in shares], textposition="inside",
            insidetextanchor="start", textfont={"color": "white", "size": 11}, constraintext="none",
            customdata=[f"{words(word)} {share:.1%}" for share in shares],
            hovertemplate="%{y}: %{customdata}<extra></extra>", **place,
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1], tickformat=".0%", nticks=4, **place)
