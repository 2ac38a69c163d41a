"""The public functions of `nbtrace` that draw figures, and make pictures of what is live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from nbtrace._api import default

if TYPE_CHECKING:
    from nbtrace._widgets.compare import CompareWidget
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


def compare(
    prompts: str | Sequence[str] | None = None,
    *,
    cell: str | int | None = None,
    spans: object = None,
    baseline: int | str | None = None,
) -> CompareWidget:
    """Put the calls of a prompt side by side: its versions as columns, what they were asked as rows.

    Calls are of one row if their prompts were rendered with the same variables, and of one column if they are of the
    same version, model and settings. Several calls of a cell are its runs, whose figures are averaged.

    Without a prompt it is the runs of a cell that are the columns: of whoever names no prompts and changes the text in
    the cell. Calls are of one row if they come from the same place in it.

    Args:
        prompts: the name of a prompt, or of several.
        cell: the id of a cell, or the number in its brackets; without it and without a prompt, the last one that made
            calls in several runs.
        spans: among which to look, as `nbtrace.spans` or `nbtrace.open` gives them; without it, all spans of the
            session, as they come.
        baseline: what the others are compared with: the number of a version or the label of a variant; by default the
            first.

    Returns:
        A widget: answers with tokens, cost and times against the baseline, differences word by word, sorted and
        filtered by what got worse; any call opens to its trace; keys 1 to 5 rate it, as the score `rating`. `sentences`
        and `summary()` say what it comes to (paired bootstrap, 95 %); `to_pandas()`, `to_polars()`, `to_markdown()` and
        `to_html()` go on; `comparison` is the data. Where no widget can live it is static HTML or text.

    Raises:
        NotFoundError: there is no call with such a prompt, or no cell with calls in several runs.
        UsageError: there is no such baseline, both a prompt and a cell were given, or `spans` are none.

    Examples:
        >>> import nbtrace
        >>> nbtrace.compare("greet")
        Traceback (most recent call last):
        ...
        nbtrace.errors.NotFoundError: there is no call with the prompt 'greet'; the prompts with calls are: none
    """
    return default().compare(prompts, cell=cell, spans=spans, baseline=baseline)
