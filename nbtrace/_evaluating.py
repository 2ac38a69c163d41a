"""An evaluation, joined: what is to be judged, what is known already, the checks that are missing, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from nbtrace._answers import Answers
from nbtrace.errors import BudgetError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._evaluate.check import Check
    from nbtrace._evaluate.evaluating import Step
    from nbtrace._evaluate.result import Evaluation
    from nbtrace._evaluate.targets import Target
    from nbtrace._query.result import Result
    from nbtrace._session import Session

WIDTH: Final = 8
"""Spans judged at the same time: what every provider's smallest account allows."""
_AGAIN: Final = "the same call again judges only those that are missing"


def evaluated(
    session: Session,
    spans: object,
    checks: object,
    *,
    references: object = None,
    width: int = WIDTH,
    cache: bool = True,
    progress: bool = True,
    engine: object = None,
) -> Any:
    """Judge spans for a session; see `nbtrace.evaluate`."""
    from nbtrace._evaluate.spark import is_spark, over

    every = _checks(checks)
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
        raise UsageError.argument("width", "a number of spans at the same time, from 1", width)
    if engine is not None:
        return _by_engine(session, spans, every, references, engine, width=width, cache=cache, progress=progress)
    if is_spark(spans):
        return over(spans, every, references, width)
    return _evaluate(session, spans, every, references, width=width, cache=cache, progress=progress)


def agreed(
    session: Session,
    spans: object = None,
    *,
    name: str | None = None,
    weights: Literal["linear", "quadratic"] | None = None,
) -> Result:
    """Tell how far people agree, in a session; see `nbtrace.agreement`."""
    from nbtrace._evaluate.agreement import agreement
    from nbtrace._query.frame import Spans

    scores: Any = (spans if isinstance(spans, Answers) else session).snapshot().scores
    if isinstance(spans, Spans):
        scores = spans.snapshot.judged(scores).with_own_scores().scores
    elif spans is not None and not isinstance(spans, Answers):
        raise UsageError.kind("spans", spans, "what nbtrace.spans(...) or nbtrace.open(...) gives")
    return agreement(scores, name, weights, session.labels)


def _checks(given: object) -> list[Check]:
    from nbtrace._evaluate.check import check_of
    from nbtrace._evaluate.scorers import family_of, scorer

    several = list(cast("Iterable[Any]", given)) if isinstance(given, Iterable) else [cast("Any", given)]
    if not several:
        raise UsageError.argument("checks", "a check, or several", given)
    found: list[Check] = [scorer(one) if family_of(one) else check_of(one) for one in several]
    known: set[tuple[str, str]] = set()
    for one in found:
        if (one.name, one.full_version) in known:
            expected = f"checks that are told apart: give one of those called {one.name!r} another name="
            raise UsageError.argument("checks", expected, [str(each) for each in found])
        known.add((one.name, one.full_version))
    return found


def _evaluate(
    session: Session,
    given: object,
    checks: Sequence[Check],
    references: object,
    *,
    width: int,
    cache: bool,
    progress: bool,
) -> Evaluation:
    import pyarrow as pa
    from tqdm.auto import tqdm

    from nbtrace._evaluate.evaluating import Doing, Evaluating
    from nbtrace._evaluate.result import Evaluation, table_of
    from nbtrace._evaluate.targets import in_words

    answers: Answers = given if isinstance(given, Answers) else session
    target = _target(answers, session, given, references)
    before = pa.concat_tables([answers.snapshot().scores, target.spans.scores]) if cache else None
    every = [Evaluating(one, target, before) for one in checks]
    how: Any = {"desc": "evaluate", "unit": "span", "disable": not progress}
    with (
        tqdm(total=len(target.spans) * len(every), **how) as bar,
        _told_how_far(lambda: sum(one.made for one in every)),
    ):
        for one in every:
            one.run(Doing(width, _stepper(session), _keeper(answers, session), bar.update))
    nothing = {f"{one.check.name} {one.check.full_version}": one.nothing for one in every}
    found = pa.concat_tables([table_of(cast("Any", one.said)) for one in every])
    has_references = any(one is not None for one in target.references or ())
    return Evaluation(found, checks, nothing, in_words(target.left_out), has_references=has_references)


def _by_engine(
    session: Session,
    given: object,
    checks: Sequence[Check],
    references: object,
    engine: object,
    *,
    width: int,
    cache: bool,
    progress: bool,
) -> Evaluation:
    from tqdm.auto import tqdm

    from nbtrace._evaluate.evaluating import Doing
    from nbtrace._evaluate.pieces import Judging, evaluated
    from nbtrace._opened import Gathered
    from nbtrace._query.engines import scanned
    from nbtrace._store.scores import masked

    frame = scanned(given.columns() if isinstance(given, Gathered) else given, engine)
    opened = cast("Gathered", given)
    judging = Judging(checks, references, opened.judged if cache else None)
    made = 0

    def keep(scores: pa.Table) -> None:
        nonlocal made
        made += len(scores)
        opened.judge(masked(scores, session.policy.text))

    with tqdm(desc="evaluate", unit="span", disable=not progress) as bar, _told_how_far(lambda: made):
        return evaluated(frame, judging, Doing(width, _stepper(session), keep, bar.update))


@contextmanager
def _told_how_far(made: Callable[[], int]) -> Generator[None]:
    """Say of an interrupt, and of a budget's stop, how many evaluations are there."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"evaluate: interrupted; {made():,} evaluations are there and kept; {_AGAIN}")  # noqa: T201
        raise
    except BudgetError as error:
        message = f"{error}; {made():,} evaluations are there and kept; {_AGAIN}"
        raise BudgetError(message) from None


def _stepper(session: Session) -> Step:
    return lambda name, attributes: session.span(name, kind="evaluation", **attributes)


def _target(answers: Answers, session: Session, given: object, references: object) -> Target:
    """Find the spans that are meant.

    Raises:
        UsageError: nothing that has spans, or references that do not fit.
    """
    from nbtrace._evaluate.targets import of_comparison, of_spans
    from nbtrace._opened import read_back
    from nbtrace._query.comparison import Comparison
    from nbtrace._query.frame import Spans

    comparison = getattr(given, "comparison", given)
    if isinstance(comparison, Comparison):
        return of_comparison(answers.snapshot(), comparison, references)
    if isinstance(given, Spans):
        return of_spans(given.snapshot, references)
    if given is not None and not isinstance(given, Answers):
        return of_spans(read_back(given, session).snapshot(), references)
    return of_spans(answers.spans(kind="llm").snapshot, references)


def _keeper(answers: Answers, session: Session) -> Callable[[pa.Table], None]:
    """Give what keeps scores: in the session as far as the spans are its own, or in what was opened."""
    from nbtrace._opened import Opened
    from nbtrace._session import Session

    def keep(scores: pa.Table) -> None:
        from nbtrace._store.scores import masked

        if isinstance(answers, (Session, Opened)):
            own = answers.snapshot().judged(scores).with_own_scores().scores
            answers.judge(own if answers is session else masked(own, session.policy.text))

    return keep
