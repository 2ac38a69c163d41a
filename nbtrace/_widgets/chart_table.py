"""A chart as a table, in HTML and in text: what is seen of it where nobody draws plotly's mimetype.

As in `static`, the HTML reads without CSS, passes JupyterLab's sanitizer, and has box-drawing characters for bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import text
from nbtrace._widgets import static
from nbtrace._widgets.markup import clip, escape, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbtrace._query.groups import Groups

Column = tuple[str, "Callable[[dict[str, Any]], str]"]
"""A title, and what a row has below it."""
Bar = tuple[str, "Callable[[dict[str, Any]], tuple[float, float]]"]
"""A title, and from where to where a row's bar goes."""
NAME: Final = 40


def pictures(title: str, notes: Sequence[str], groups: Groups, columns: Sequence[Column], bar: Bar) -> tuple[str, str]:
    """Draw groups as an HTML table and as text."""
    rows = groups.rows[: static.ROWS]
    form = "%Y-%m-%d %H:%M" if all(row["time"].second == 0 for row in rows if groups.is_over_time) else "%H:%M:%S"
    spans = [bar[1](row) for row in rows]
    end = max((stop for _, stop in spans), default=0.0)
    table = [
        [_name(row, form), *(fact(row) for _, fact in columns), static.bar(*span, end) if span[1] else ""]
        for row, span in zip(rows, spans, strict=True)
    ]
    titles = [groups.by or "all calls", *(name for name, _ in columns), bar[0]]
    line = " · ".join([title, *notes])
    return _html(line, titles, table, len(groups.rows)), _text(line, titles, table, len(groups.rows))


def _name(row: dict[str, Any], form: str) -> str:
    time = row.get("time")
    words = [f"{time:{form}} UTC"] if time else []
    return "  ".join([*words, *([row["label"]] if row["label"] else [])]) or "all"


def _html(line: str, titles: list[str], table: list[list[str]], of: int) -> str:
    if not table:
        return static.page(line, "")
    sides = [static.LEFT, *[static.RIGHT] * (len(titles) - 2), static.LEFT]
    head = "".join(
        f"<th {side}><span {static.HEAD}>{escape(title)}</span></th>" for side, title in zip(sides, titles, strict=True)
    )
    body: list[str] = []
    size = len(line) + len(head)
    for name, *facts, bar in table:
        cells = "".join(f"<td {static.RIGHT}>{escape(fact).replace(' ', static.NBSP)}</td>" for fact in facts)
        row = (
            f"<tr><td {static.LEFT}>{escape(clip(name, NAME))}</td>{cells}"
            f"<td {static.LEFT}><code {static.LINE}>{bar}</code></td></tr>"
        )
        size += len(row.encode())
        if size > static.SIZE:
            break
        body.append(row)
    rest = "".join(
        f'<tr><td {static.LEFT} colspan="{len(titles)}"><span {static.FAINT}>{words}</span></td></tr>'
        for words in static.more(of - len(body), "more row")
    )
    return static.page(
        line, f"{static.TABLE}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}{rest}</tbody></table>"
    )


def _text(line: str, titles: list[str], table: list[list[str]], of: int) -> str:
    if not table:
        return line
    rows = [titles[:-1], *([clip(visible(name), NAME), *facts] for name, *facts, _ in table)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    bars = ["", *(row[-1].replace(static.NBSP, " ") for row in table)]
    lines = [
        "  ".join([name.ljust(widths[0]), *map(str.rjust, facts, widths[1:]), bar]).rstrip()
        for (name, *facts), bar in zip(rows, bars, strict=True)
    ]
    return "\n".join([line, *lines, *static.more(of - len(table), "more row")])


def seconds(value: float | None) -> str:
    """Word a number of seconds; nothing, if it is not known."""
    return "" if value is None else text.duration(value * 1e9)


def number(value: int | None) -> str:
    """Word a count; nothing, if it is not known."""
    return "" if value is None else f"{value:,}"


def part(whole: int | None, some: int | None, word: str) -> str:
    """Word a count and a part of it."""
    return f"{number(whole)} ({number(some)} {word})" if some else number(whole)


def money(row: dict[str, Any]) -> str:
    """Word what a group cost, and how much of it is not known."""
    if row["cost_usd"] is None and not row["unpriced"]:
        return ""
    return " + ".join(static.money(row["cost_usd"], unpriced=row["unpriced"], estimated=row["estimated"]))
