"""The public functions that make checks, judge spans by them, and compare who has judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from nbtrace._api import default
from nbtrace._evaluating import WIDTH, agreed, evaluated

if TYPE_CHECKING:
    from nbtrace._evaluate.check import Check, Function
    from nbtrace._evaluate.result import Evaluation
    from nbtrace._query.result import Result


@overload
def check(function: Function, /) -> Check: ...
@overload
def check(
    *, name: str | None = None, version: str | None = None, traced: bool | None = None
) -> Callable[[Function], Check]: ...
def check(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    traced: bool | None = None,
) -> Check | Callable[[Function], Check]:
    """Make a function a check of spans, for `nbtrace.evaluate`.

    The function, plain or async, returns a bool (`pass` or `fail`), a number, a text (a label), a
    `nbtrace.checks.Verdict`, a tuple of one of these and an explanation, or None where there is nothing to judge. What
    it takes is told by the names of its parameters without a default: a column of the spans, `answer`, `question` (the
    last thing the user said), `tool_calls` or `documents` is that of the span; one of another name is the span itself.
    `reference` or `expected` is what should have come. Those with a default are changed by `.using(...)`.

    Args:
        function: the function.
        name: what its scores are called; by default the function's name.
        version: its version, under which its scores are kept and not asked for again; by default a hash of its source.
        traced: whether each run of it is a span, below which are the calls that it makes. By default async ones are: a
            plain function mostly computes, and a hundred thousand spans of it would bury the session's own.

    Raises:
        UsageError: the function takes something that nobody gives it.

    Examples:
        >>> import nbtrace
        >>> @nbtrace.check
        ... def short(answer, most=100):
        ...     return len(answer) <= most, f"{len(answer)} characters"
        >>> nbtrace.evaluate(nbtrace.spans(), [short, short.using(most=20)], progress=False)["check"]
        []
    """
    from nbtrace._evaluate.check import check_of

    if function is None:
        return lambda given: check_of(given, name=name, version=version, traced=traced)
    return check_of(function, name=name, version=version, traced=traced)


def evaluate(
    spans: object = None,
    checks: object = (),
    *,
    references: object = None,
    width: int = WIDTH,
    cache: bool = True,
    progress: bool = True,
    engine: object = None,
) -> Evaluation:
    """Judge spans by checks, and keep what they say as scores of the spans.

    A check that raises is a failed evaluation, with its traceback; the others go on. An interrupt keeps what is there.
    Calls that checks make are recorded and priced, below the evaluation's own span where the check is traced, and are
    not judged in their turn.

    Args:
        spans: what `nbtrace.spans(...)` chooses; a comparison, as `nbtrace.compare` gives it; what `nbtrace.open`
            gives, of which it is the LLM calls; a data frame or a file of spans; without it, the LLM calls of the
            session. Of a PySpark data frame the workers do the work, see below.
        checks: one or several: functions made by `nbtrace.check`, those of `nbtrace.checks`, or plain functions.
        references: what should have come, for checks that take a `reference` or `expected`: a list as long as the
            spans, or for a comparison as its inputs; a dict by span id (16 hex digits); a function of a span; or the
            name of a column or attribute, such as `"nbtrace.metadata.expected"`.
        width: how many spans are judged at the same time, in threads or, by async checks, in an event loop.
        cache: whether what the same check of the same version, with the same parameters and reference, has said of a
            span before, in this session or one that was resumed, is not asked for again; what had failed is.
        progress: whether a bar shows how far it is.
        engine: what reads a dataset that `nbtrace.open` gave, of which only the scores are then in memory: `"duckdb"`
            or a connection of DuckDB's, piece by piece, or a session of PySpark's, whose workers judge. References are
            by name, by span id or a function there.

    Returns:
        A table, a row a span and check, with `summary()` (pass rates with their intervals, means, counts of labels),
        `failures` (checks that raised), `not_passed`, `confusion()` and the doors of a table (`to_pandas()`,
        `to_polars()`). The scores are in `nbtrace.sql`, `nbtrace.compare` and exports too: in the session's if the
        spans are its own, and in those of what `nbtrace.open` gave if that was given as it is (its file stays as it
        was). Of a PySpark data frame: the scores as one of PySpark's, computed by its workers when somebody asks for
        it.

    Raises:
        UsageError: something that is no check, references that do not fit, or an engine for what is no dataset.
        BudgetError: a budget stopped the calls of a check; what has been judged is kept.

    Examples:
        >>> import nbtrace
        >>> nbtrace.evaluate(nbtrace.spans(), nbtrace.checks.contains("Paris"), progress=False).summary()["judged"]
        [0]
    """
    how: Any = {"width": width, "cache": cache, "progress": progress, "engine": engine}
    return evaluated(default(), spans, checks, references=references, **how)


def judge(
    client: object,
    rubric: str,
    *,
    model: str | None = None,
    labels: Sequence[str] | Mapping[str, float] | None = None,
    scale: tuple[float, float] | None = None,
    pairwise: bool = False,
    name: str = "judge",
    version: str | None = None,
    **options: Any,
) -> Check:
    """Make a check that asks a model for a verdict by a rubric.

    The model gets the question, the answer and, where there is one, the reference, each between marks: what stands
    there is data, whatever it asks for. A server that knows structured output is held to the form of a verdict; of
    others a JSON object is expected, and what is none is a failed evaluation. Each verdict is a span, with the call
    that it took, and its cost, below it; it is not asked for again as long as rubric, model and options stay.

    Args:
        client: a client such as `OpenAI()` or `Anthropic()`, sync or async, or a function `f(messages, model=...)`
            that gives a text.
        rubric: what is good, and what is not.
        model: the name of the model, which a client needs.
        labels: the verdicts that there are, or a dict of what each is worth; by default `pass` (1) and `fail` (0).
        scale: in place of labels, the lowest and the highest number.
        pairwise: whether the answer is held against another one, its reference. It is asked for in both orders, and
            the label is `better` (1), `worse` (0) or `tie` (0.5), which it is as well where the orders do not agree.
        name: what the scores are called.
        version: by default a hash of rubric, verdicts and options.
        **options: of each request, such as `temperature=0`.

    Raises:
        UsageError: something of this does not fit.

    Examples:
        >>> import json, nbtrace
        >>> def model(messages):
        ...     return json.dumps({"reason": "it is one", "label": "pass"})
        >>> nbtrace.judge(model, "Names a city.", name="city").name
        'city'
    """
    from nbtrace._evaluate.judge import judge_of

    return judge_of(
        client,
        rubric,
        model=model,
        labels=labels,
        scale=scale,
        pairwise=pairwise,
        name=name,
        version=version,
        **options,
    )


def agreement(
    spans: object = None, *, name: str | None = None, weights: Literal["linear", "quadratic"] | None = None
) -> Result:
    """Tell how far people who judged the same spans by hand agree: Cohen's kappa of each two of them.

    Who judges is what `nbtrace.session().annotator` says meanwhile. Of several judgements of a span by the same person
    the last one counts.

    Args:
        spans: what `nbtrace.spans(...)` chooses, or what `nbtrace.open` gives; without it, all of the session.
        name: of the scores; by default the only one that people have given.
        weights: none, so that two say the same or not; `linear` or `quadratic`, so that numbers or labels that are
            neighbours agree in part. Labels are in the order of their values, else of `nbtrace.session().labels`.

    Returns:
        A row for each two: `first`, `second`, how many `spans` both have judged, the share on which they `agreed`, and
        `kappa` with the ends of its 95 % interval (`low`, `high`).

    Raises:
        NotFoundError: no two people have judged the same spans.
        UsageError: there are scores of several names, and none was chosen; or weights for words without an order.

    Examples:
        >>> import nbtrace
        >>> nbtrace.agreement()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        nbtrace.errors.NotFoundError: no two people have judged the same spans; those who judged: nobody; ...
    """
    return agreed(default(), spans, name=name, weights=weights)
