"""The panels of the charts in plotly: bars and boxes beside each other, bars and lines over time."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace._widgets.chart_table import money, number, seconds
from nbtrace._widgets.figure import COLOURS, GREEN, GREY, INDIGO, INK, LINE_HEIGHT, ORANGE, RED, TraceFigure, new, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace._query.groups import Groups

HATCH: Final = {"shape": "/", "size": 5, "solidity": 0.45, "fillmode": "replace"}
ROW, FOOT = 30, 48
"""Pixels of a group's row, and of what is below the rows."""
PANEL: Final = 120
"""Pixels of a figure over time."""
SHORT: Final = 2
"""Decades of a logarithmic axis that have room for ticks within them."""


class Bars(NamedTuple):
    """One figure of each group as a bar, a part of which is hatched."""

    title: str
    colour: str
    whole: Callable[[dict[str, Any]], float | None]
    part: Callable[[dict[str, Any]], float]
    """How much of the whole is hatched."""
    text: Callable[[dict[str, Any]], str]
    part_colour: str | None = None
    prefix: str = ""


USAGE: Final = (
    Bars(
        "tokens in, ▨ cached", INDIGO, lambda row: row["input_tokens"], lambda row: row["cache_read_tokens"] or 0,
        lambda row: number(row["input_tokens"]) or _unknown(row),
    ),
    Bars(
        "tokens out, ▨ reasoning", ORANGE, lambda row: row["output_tokens"], lambda row: row["reasoning_tokens"] or 0,
        lambda row: number(row["output_tokens"]) or _unknown(row),
    ),
    Bars(
        "cost, ▨ estimated", GREEN, lambda row: row["cost_usd"],
        lambda row: row["cost_usd"] or 0 if row["estimated"] else 0, money, prefix="$",
    ),
    Bars(
        "calls, ▨ failed", GREY, lambda row: row["calls"], lambda row: row["errors"],
        lambda row: f"{row['calls']:,}" + (f", {row['errors']:,} failed" if row["errors"] else ""), RED,
    ),
)  # fmt: skip
ERRORS: Final = Bars(
    "calls, ▨ failed", GREY, lambda row: row["calls"], lambda row: row["errors"],
    lambda row: f"{row['errors']:,} of {row['calls']:,}" if row["errors"] else "", RED,
)  # fmt: skip


def usage(
    groups: Groups, title: str, notes: list[str], pictures: tuple[str, str], every_s: float | None
) -> TraceFigure:
    """Draw what calls used."""
    figure = new(pictures, title, notes, groups.find)
    if groups.is_over_time:
        _rows(figure, [bars.title for bars in USAGE])
        for at, bars in enumerate(USAGE, 1):
            _bars_over_time(figure, groups, bars, at, every_s or 0)
        _time(figure, len(USAGE))
    else:
        _columns(figure, groups, [_narrow(bars.title) for bars in USAGE])
        for at, bars in enumerate(USAGE, 1):
            _bars(figure, groups, bars, at)
    return figure


def latency(
    groups: Groups, title: str, notes: list[str], pictures: tuple[str, str], every_s: float | None
) -> TraceFigure:
    """Draw how long calls took."""
    figure = new(pictures, title, notes, groups.find)
    measures = {"latency": "time to the end", "first_chunk": "time to the first chunk"}
    titles = [*measures.values(), ERRORS.title]
    if groups.is_over_time:
        _rows(figure, titles)
        for at, measure in enumerate(measures, 1):
            _lines(figure, groups, measure, at)
        _bars_over_time(figure, groups, ERRORS, 3, every_s or 0)
        _time(figure, 3)
    else:
        _columns(figure, groups, [*titles[:2], _narrow(ERRORS.title)])
        for at, measure in enumerate(measures, 1):
            _boxes(figure, groups, measure, COLOURS[at - 1], at)
        _bars(figure, groups, ERRORS, 3)
    return figure


def _columns(figure: TraceFigure, groups: Groups, titles: list[str]) -> None:
    """Lay out panels beside each other, with the names of the groups at the left."""
    figure.set_subplots(1, len(titles), shared_yaxes=True, horizontal_spacing=0.035, subplot_titles=titles)
    names = [words(label) for label in groups.labels]
    layout: Any = figure.layout
    above = layout.margin.t + LINE_HEIGHT
    figure.update_layout(
        barmode="stack", margin_t=above, height=above + ROW * max(len(names), 2) + FOOT, showlegend=False
    )
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names, autorange="reversed", showgrid=False
    )
    figure.update_xaxes(nticks=4)
    left_titles(figure)


def _rows(figure: TraceFigure, titles: list[str]) -> None:
    """Lay out panels below each other, over one axis of time."""
    figure.set_subplots(len(titles), 1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=titles)
    layout: Any = figure.layout
    figure.update_layout(barmode="stack", height=layout.margin.t + PANEL * len(titles) + FOOT)
    figure.update_yaxes(nticks=4, rangemode="tozero")
    left_titles(figure)


def _narrow(title: str) -> str:
    """Put what is hatched on a line of its own: a panel is as narrow as its words, where the notebook is narrow."""
    return title.replace(", ", "<br>")


def left_titles(figure: TraceFigure) -> None:
    """Put the panels' titles at their left edges, where reading begins."""
    layout: Any = figure.layout
    for at, note in enumerate(layout.annotations, 1):
        note.update(
            x=layout[f"xaxis{at if at > 1 else ''}"].domain[0],
            xanchor="left",
            align="left",
            font={"size": 12, "color": INK},
        )


def _time(figure: TraceFigure, rows: int) -> None:
    layout: Any = figure.layout
    zone = datetime.now().astimezone().strftime("%z")
    figure.update_xaxes(type="date")
    figure.update_layout(meta={"nbtrace": {**layout.meta["nbtrace"], "isOverTime": True}})
    figure.update_xaxes(title_text=f"local time (UTC{zone[:3]}:{zone[3:]})", row=rows, col=1)


def _bars(figure: TraceFigure, groups: Groups, bars: Bars, column: int) -> None:
    names = [words(row["label"]) for row in groups.rows]
    wholes = [bars.whole(row) or 0 for row in groups.rows]
    parts = [min(bars.part(row), whole) for row, whole in zip(groups.rows, wholes, strict=True)]
    texts = [words(bars.text(row)) for row in groups.rows]
    common = {
        "y": names,
        "orientation": "h",
        "customdata": texts,
        "hovertemplate": "%{y}: %{customdata}<extra></extra>",
    }
    plain = [whole - some for whole, some in zip(wholes, parts, strict=True)]
    figure.add_bar(x=plain, marker_color=bars.colour, **common, row=1, col=column)
    hatched = {"color": bars.part_colour or bars.colour, "pattern": HATCH}
    figure.add_bar(x=parts, marker=hatched, **common, row=1, col=column)
    figure.add_scatter(
        x=wholes, y=names, mode="text", text=[f" {text}" for text in texts], textposition="middle right",
        textfont={"size": 11, "color": INK}, hoverinfo="skip", cliponaxis=False, row=1, col=column,
    )  # fmt: skip
    room = max(wholes, default=0) * (1.25 + 0.05 * max(map(len, texts), default=0))
    figure.update_xaxes(range=[0, room or 1], tickprefix=bars.prefix, row=1, col=column)


def _boxes(figure: TraceFigure, groups: Groups, measure: str, colour: str, column: int) -> None:
    rows = [row for row in groups.rows if row[f"{measure}_p50_s"] is not None]
    names = [words(row["label"]) for row in rows]
    at = {share: [row[f"{measure}_p{share}_s"] for row in rows] for share in (5, 25, 50, 75, 95, 99)}
    figure.add_box(
        y=names, orientation="h", lowerfence=at[5], q1=at[25], median=at[50], q3=at[75], upperfence=at[95],
        line={"color": colour, "width": 1.5}, width=0.5, hoverinfo="skip", row=1, col=column,
    )  # fmt: skip
    told = [", ".join(f"p{share} {seconds(row[f'{measure}_p{share}_s'])}" for share in (50, 95, 99)) for row in rows]
    figure.add_scatter(
        x=at[99], y=names, mode="markers", marker={"symbol": "diamond-open", "color": colour, "size": 7},
        customdata=told, hovertemplate="%{y}: %{customdata}<extra></extra>", row=1, col=column,
    )  # fmt: skip
    ticks = log_ticks([value for share in at for value in at[share]])
    figure.update_xaxes(
        type="log", tickvals=ticks, ticktext=[seconds(tick).replace(".00", "") for tick in ticks], row=1, col=column
    )


def log_ticks(values: list[float]) -> list[float]:
    """Choose round numbers of seconds for a logarithmic axis, four to the decade if it is a short one."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    steps = (1, 2, 5) if high - low <= SHORT else (1,)
    return [step * 10.0**decade for decade in range(low, high + 1) for step in steps]


def _bars_over_time(figure: TraceFigure, groups: Groups, bars: Bars, row: int, every_s: float) -> None:
    for label, colour in zip(groups.labels, COLOURS, strict=False):
        rows = [one for one in groups.rows if one["label"] == label]
        wholes = [bars.whole(one) or 0 for one in rows]
        parts = [min(bars.part(one), whole) for one, whole in zip(rows, wholes, strict=True)]
        plain = [whole - some for whole, some in zip(wholes, parts, strict=True)]
        failed = {"color": bars.part_colour or colour, "pattern": HATCH}
        for values, marker, is_first in ((plain, {"color": colour}, row == 1), (parts, failed, False)):
            figure.add_bar(
                x=_times(rows), y=values, width=every_s * 900, offset=0, marker=marker,
                name=words(label or "all calls"), legendgroup=label, showlegend=is_first and len(groups.labels) > 1,
                customdata=[words(bars.text(one)) for one in rows],
                hovertemplate="%{x}: %{customdata}<extra>%{fullData.name}</extra>", row=row, col=1,
            )  # fmt: skip
    figure.update_yaxes(tickprefix=bars.prefix, row=row, col=1)


def _lines(figure: TraceFigure, groups: Groups, measure: str, row: int) -> None:
    for label, colour in zip(groups.labels, COLOURS, strict=False):
        rows = [one for one in groups.rows if one["label"] == label]
        for share, dash in ((50, "solid"), (95, "dot")):
            name = f"{measure}_p{share}_s"
            figure.add_scatter(
                x=_times(rows), y=[one[name] for one in rows], mode="lines+markers", marker={"size": 5},
                line={"color": colour, "dash": dash, "width": 1.5}, name=words(label or "all calls"), legendgroup=label,
                showlegend=row == 1 and share == 50 and len(groups.labels) > 1,  # noqa: PLR2004 - one entry a group
                customdata=[f"p{share} {seconds(one[name])}" for one in rows],
                hovertemplate="%{x}: %{customdata}<extra>%{fullData.name}</extra>", row=row, col=1,
            )  # fmt: skip
    figure.update_yaxes(ticksuffix=" s", row=row, col=1)


def _times(rows: list[dict[str, Any]]) -> list[str]:
    """Give the begin of each bucket in the kernel's zone, which plotly does not know."""
    return [row["time"].astimezone().replace(tzinfo=None).isoformat() for row in rows]


def _unknown(row: dict[str, Any]) -> str:
    return "unknown" if row["unknown_usage"] else ""
