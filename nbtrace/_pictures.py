"""The public functions of `nbtrace` that draw figures, and make pictures of what is live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, overload

from nbtrace._api import default
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._sweep.estimate import Estimate
    from nbtrace._widgets.compare import CompareWidget
    from nbtrace._widgets.figure import TraceFigure


def freeze() -> int:
    """Make all of nbtrace's live outputs static: what they show now is what the notebook keeps, as HTML and text.

    Afterwards the notebook shows the same in every viewer, with a kernel or without; running a cell again makes its
    output live again.

    Returns:
        How many outputs there were, which a notebook shows in words.

    Examples:
        >>> import nbtrace
        >>> nbtrace.freeze()
        no live output was left
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


@overload
def compare(
    prompts: str | Sequence[str] | None = None,
    *,
    cell: str | int | None = None,
    spans: object = None,
    baseline: int | str | None = None,
) -> CompareWidget: ...
@overload
def compare(
    prompts: object,
    *,
    inputs: object,
    call: object,
    models: str | Sequence[str] | None = None,
    settings: Sequence[Mapping[str, Any]] | None = None,
    repeats: int = 1,
    width: int = 8,
    cache: bool = True,
    dry_run: Literal[False] = False,
    baseline: int | str | None = None,
    progress: bool = True,
    **options: Any,
) -> CompareWidget: ...
@overload
def compare(
    prompts: object,
    *,
    inputs: object,
    call: object,
    dry_run: Literal[True],
    models: str | Sequence[str] | None = None,
    settings: Sequence[Mapping[str, Any]] | None = None,
    repeats: int = 1,
    cache: bool = True,
    **options: Any,
) -> Estimate: ...
def compare(
    prompts: Any = None,
    *,
    cell: str | int | None = None,
    spans: object = None,
    baseline: int | str | None = None,
    inputs: object = None,
    **how: Any,
) -> CompareWidget | Estimate:
    """Put the calls of a prompt side by side, its versions as columns and what they were asked as rows; or make them.

    Calls are of one row if their prompts were rendered with the same variables, and of one column if they are of the
    same version, model and settings. Several calls of a cell are its runs, whose figures are averaged.

    Without a prompt it is the runs of a cell that are the columns: of whoever names no prompts and changes the text in
    the cell. Calls are of one row if they come from the same place in it.

    With `inputs` it is a sweep: every version is called with every input, model and setting, many at the same time, and
    what has been paid for is not called again: not in this session, nor in one that was resumed. An interrupt keeps
    what is there, and the same call goes on. An error of one call is in its cell of the table. A 429 lowers the number
    of calls at the same time and waits as the server asks. Each call has a span `compare` above it.

    Args:
        prompts: the name of a prompt, or of several. For a sweep a name means all of its versions; a version as
            `nbtrace.prompt` gives it means that one.
        cell: the id of a cell, or the number in its brackets; without it and without a prompt, the last one that made
            calls in several runs.
        spans: among which to look, as `nbtrace.spans` or `nbtrace.open` gives them; without it, all spans of the
            session, as they come.
        baseline: what the others are compared with: the number of a version or the label of a variant; by default the
            first.
        inputs: what a sweep asks: a list of dicts or a data frame (pandas, polars, pyarrow, ...), a row an input and a
            column a variable.
        **how: of a sweep

            - `call`: who makes the calls: a client such as `OpenAI()` or `Anthropic()`, sync or async, or a function
              `f(prompt, model=..., **variables)`, sync or async, which gets the rendered text or messages and, of
              model, variables and options, what it takes. An async function is run in an event loop of its own, so a
              client that it uses should not be one that has connections open in the notebook's.
            - `models`: the name of a model, or of several.
            - `settings`: a list of dicts with options of the request that are to be compared, such as
              `[{"temperature": 0}, {"temperature": 1}]`.
            - `repeats`: how often the same is asked; 1 by default.
            - `width`: the most calls at the same time; 8 by default.
            - `cache=False`: pay again for what has been paid.
            - `dry_run=True`: only say how many calls it would be, how many of them are paid, and an estimate of tokens
              and price.
            - `progress=False`: without a progress bar.
            - all others are options of each request, such as `max_tokens=100`.

    Returns:
        A widget: answers with tokens, cost and times against the baseline, differences word by word, sorted and
        filtered by what got worse; any call opens to its trace; keys judge it, as a score. `sentences`
        and `summary()` say what it comes to (paired bootstrap, 95 %); `to_pandas()`, `to_polars()`, `to_markdown()` and
        `to_html()` go on; `comparison` is the data. Where no widget can live it is static HTML or text.

    Raises:
        NotFoundError: there is no call with such a prompt, or no cell with calls in several runs.
        UsageError: there is no such baseline, both a prompt and a cell were given, or `spans` are none; an input misses
            a variable or something else of a sweep does not fit, before any call is made.
        BudgetError: a budget is spent; the calls that were made are kept.

    Examples:
        >>> import nbtrace
        >>> nbtrace.compare("greet")
        Traceback (most recent call last):
        ...
        nbtrace.errors.NotFoundError: there is no call with the prompt 'greet'; the prompts with calls are: none
        >>> hello = nbtrace.prompt("hello", "Say hello to {name}")
        >>> nbtrace.compare(hello, inputs=[{"name": "Ada"}, {"name": "Bo"}], call=print, dry_run=True).calls
        2
    """
    if inputs is None:
        if how:
            raise UsageError.argument(next(iter(how)), "inputs=..., with which it is a sweep", next(iter(how.values())))
        return default().compare(prompts, cell=cell, spans=spans, baseline=baseline)
    from nbtrace._sweeps import sweep

    if cell is not None or spans is not None:
        raise UsageError.argument("inputs", "either inputs, or a cell or spans that are there already", inputs)
    if "call" not in how:
        message = "a sweep needs call=: a client such as OpenAI(), or a function f(prompt, model=..., **variables)"
        raise UsageError(message)
    return sweep(default(), prompts, inputs=inputs, baseline=baseline, **how)
