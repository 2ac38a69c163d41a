"""The public functions of `nbtrace` that draw figures, and make pictures of what is live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from nbtrace._api import default

if TYPE_CHECKING:
    from nbtrace._widgets.figure import TraceFigure


def freeze() -> int:
    """Make all of nbtrace's live outputs static: what they show now is what the notebook keeps, as HTML and text.

    Afterwards the notebook shows the same in every viewer, with a kernel or without; running a cell again makes its
    output live again.

    Returns:
        How many outputs there were.

    Examples:
        >>> import nbtrace
        >>> nbtrace.freeze()
        0
    """
    from nbtrace._widgets.base import freeze

    return freeze()


def usage(
    spans: object = None, *, by: str | Sequence[str] = "model", every: str | timedelta | None = None
) -> TraceFigure:
    """Draw what LLM calls used: tokens in (of these, from a cache), out (reasoning), cost, calls and failed ones.

    The figures are those of `nbtrace.metrics`. What is unpriced, estimated or unknown is said in the chart.

    Args:
        spans: as `nbtrace.metrics` takes them; without it, all spans of the session.
        by: what to group by, as in `nbtrace.metrics`, such as `model`, `cell`, `provider`, `prompt`, `prompt_version`;
            `()` for none.
        every: draw over time, in buckets of this length: a `timedelta` or `"15m"`, `"1h"`, `"1d"`.

    Returns:
        A plotly figure, to be restyled as any `go.Figure`. Beside it in the notebook's file stands a table, for where
        nobody draws plotly's figures.

    Raises:
        UsageError: plotly is not installed (`pip install "nbtrace[charts]"`), or a column is unknown.

    Examples:
        >>> import nbtrace
        >>> figure = nbtrace.usage(by="cell")
        >>> figure.layout.title.text
        'Tokens, cost and calls by cell'
    """
    return default().usage(spans, by=by, every=every)


def latency(
    spans: object = None, *, by: str | Sequence[str] = "model", every: str | timedelta | None = None
) -> TraceFigure:
    """Draw how long LLM calls took, to their end and to the first chunk of a stream, and how many failed.

    Args:
        spans: as `nbtrace.metrics` takes them; without it, all spans of the session.
        by: what to group by, as in `nbtrace.usage`.
        every: draw over time, in buckets of this length.

    Returns:
        A plotly figure, as of `nbtrace.usage`: distributions beside each other, or medians and 95th percentiles over
        time.

    Raises:
        UsageError: plotly is not installed (`pip install "nbtrace[charts]"`), or a column is unknown.

    Examples:
        >>> import nbtrace
        >>> nbtrace.latency(every="1h").update_layout(title_text="Today").layout.title.text
        'Today'
    """
    return default().latency(spans, by=by, every=every)
