"""The line below a cell after which a watched rule is broken, or holds again.

As the line of the cell's calls it is static HTML, which opens to the calls to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace._query import text
from nbtrace._widgets import static
from nbtrace._widgets.markup import IGNORE_MATH, escape, visible

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._query.watching import Alert

BROKEN, HOLDS = "\N{WARNING SIGN}\N{VARIATION SELECTOR-15}", "\N{CHECK MARK}\N{VARIATION SELECTOR-15}"
STYLE: Final = "font-size:12px;margin:0"


def alert_text(alert: Alert) -> str:
    """Say it on a line, with the calls to look at below."""
    spans = alert.spans
    calls = [f"    {visible(repr(span)[1:-1])}" for span in spans]
    return "\n".join([f"{BROKEN if alert.is_broken else HOLDS} {visible(alert.said)}{_counted(spans)}", *calls])


def alert_html(alert: Alert) -> str:
    """Draw the line; it opens to the calls to look at, if there are any."""
    from nbtrace._query.tree import tree

    spans = alert.spans
    sign = BROKEN if alert.is_broken else HOLDS
    line = f"{sign} <b>{escape(alert.title)}</b>: {escape(f'{alert.told}{_counted(spans)}')}"
    if not len(spans):
        return f'<div class="{IGNORE_MATH}" style="{STYLE}">{line}</div>'
    table = static.table_html(tree(spans.snapshot, summaries=static.ROWS))
    return (
        f'<details class="{IGNORE_MATH}" style="{STYLE}"><summary style="cursor:pointer">{line}</summary>'
        f'<div style="padding:4px 0 4px 16px">{table}</div></details>'
    )


def _counted(spans: Spans) -> str:
    return f" · {text.counted(len(spans), 'call')} to look at" if len(spans) else ""
