"""The line below a cell after which a watched rule is broken, or holds again.

As the line of the cell's calls it is static HTML, which opens to the calls to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace._query import text
from nbtrace._widgets import static
from nbtrace._widgets.markup import IGNORE_MATH, escape, visible

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._query.watching import Alert

BROKEN, HOLDS = "\N{WARNING SIGN}\N{VARIATION SELECTOR-15}", "\N{CHECK MARK}\N{VARIATION SELECTOR-15}"


def alert_pictures(alert: Alert) -> dict[str, str]:
    """Draw the line, as HTML and as text, by media type."""
    spans = alert.spans
    return {"text/html": _html(alert, spans), "text/plain": _text(alert, spans)}


def _text(alert: Alert, spans: Spans) -> str:
    """Say it on a line, with the calls to look at below."""
    calls = [f"    {visible(repr(span)[1:-1])}" for span in spans]
    return "\n".join([f"{_sign(alert)} {visible(alert.said)}{_counted(spans)}", *calls])


def _html(alert: Alert, spans: Spans) -> str:
    """Draw the line; it opens to the calls to look at, if there are any."""
    from nbtrace._query.tree import tree

    line = f"{_sign(alert)} <b>{escape(alert.title)}</b>: {escape(f'{alert.told}{_counted(spans)}')}"
    if not len(spans):
        return f'<div class="{IGNORE_MATH}" style="{static.FOLD}">{line}</div>'
    return static.folded(line, static.table_html(tree(spans.snapshot, summaries=static.ROWS)))


def _sign(alert: Alert) -> str:
    return BROKEN if alert.is_broken else HOLDS


def _counted(spans: Spans) -> str:
    return f" · {text.counted(len(spans), 'call')} to look at" if len(spans) else ""
