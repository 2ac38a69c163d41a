"""A sweep, joined: planned, found in the spans, made as far as it is missing, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context

from nbtrace.errors import BudgetError, NotFoundError, UsageError

if TYPE_CHECKING:
    from nbtrace._session import Session
    from nbtrace._sweep.caller import Caller
    from nbtrace._sweep.estimate import Estimate
    from nbtrace._sweep.plan import Task
    from nbtrace._widgets.compare import CompareWidget

WIDTH: Final = 8
"""Calls at the same time: what every provider's smallest account allows."""
AGAIN: Final = "the same call again makes only those that are missing"


def sweep(
    session: Session,
    prompts: object,
    *,
    inputs: object,
    call: object,
    models: str | Sequence[str] | None = None,
    settings: Sequence[Mapping[str, Any]] | None = None,
    repeats: int = 1,
    width: int = WIDTH,
    cache: bool = True,
    dry_run: bool = False,
    baseline: int | str | None = None,
    progress: bool = True,
    **options: Any,
) -> CompareWidget | Estimate:
    """Make the calls that are missing and compare all of them; see `nbtrace.compare`."""
    from nbtrace._sweep.caller import caller_of
    from nbtrace._sweep.plan import plan, rows_of, versions
    from nbtrace._sweep.result import paid
    from nbtrace._sweep.run import NAME

    if not dry_run and not session.enabled:
        message = "nothing is recorded here, so a sweep would be lost; call nbtrace.session() or %nbtrace on first"
        raise UsageError(message)
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
        raise UsageError.argument("width", "a number of calls at the same time, from 1", width)
    caller = caller_of(call)
    named: list[str | None] = [models] if isinstance(models, str) else list(models or [None])
    if not caller.keeps_output and None in named:
        message = "a client needs the name of a model, or of several: models='gpt-4o', or in %%compare -m gpt-4o"
        raise UsageError(message)
    rows = rows_of(inputs)
    wanted, left_out = versions(session.prompts, prompts, set.intersection(*map(set, rows)))
    for one in left_out:
        takes = ", ".join(one.fields)
        print(f"{NAME}: {one.name} v{one.version} is left out: it takes {takes}, and the inputs lack some of it")  # noqa: T201
    tasks = plan(
        wanted,
        rows,
        models=named,
        settings=list(settings or [{}]),
        options=options,
        repeats=repeats,
        caller=caller.name,
    )
    known = paid(session.snapshot(), {task.key for task in tasks}) if cache else set[str]()
    if dry_run:
        return _estimate(session, tasks, known, caller)
    _make(session, caller, tasks, known, width=width, progress=progress)
    return _widget(session, tasks, baseline)


def _estimate(session: Session, tasks: Sequence[Task], known: set[str], caller: Caller) -> Estimate:
    from nbtrace._capture.estimate import estimated_usage
    from nbtrace._sweep.estimate import estimate

    return estimate(
        tasks,
        known,
        server=caller.server,
        snapshot=session.snapshot(),
        prices=session.prices,
        usage=estimated_usage,
    )


def _make(
    session: Session, caller: Caller, tasks: Sequence[Task], known: set[str], *, width: int, progress: bool
) -> None:
    """Make the calls that are not known, and show how far they are."""
    from tqdm.auto import tqdm

    from nbtrace._sweep.pace import Pace
    from nbtrace._sweep.run import NAME, Making, run, submitting

    missing = [task for task in tasks if task.key not in known]
    made, failed = len(known), 0
    making = Making(
        caller,
        token_hex(8),
        otel_context.get_current(),
        lambda attributes: session.span(NAME, kind="chain", **attributes),
        lambda: session.journal.flush() if session.journal is not None else None,
    )
    with tqdm(total=len(tasks), initial=made, desc=NAME, unit="call", disable=not progress) as bar:

        def over(_: Task, error: BaseException | None) -> None:
            nonlocal made, failed
            made += error is None
            failed += error is not None
            bar.set_postfix({"failed": failed} if failed else {}, refresh=False)
            bar.update()

        try:
            with submitting(making, width) as submit:
                run(missing, submit, Pace(width), over, making.refused)
        except KeyboardInterrupt:
            print(f"{NAME}: interrupted; {made} of {len(tasks)} calls are there and kept; {AGAIN}")  # noqa: T201
            raise
        except BudgetError as error:
            message = f"{error}; {made} of {len(tasks)} calls of the sweep are there and kept; {AGAIN}"
            raise BudgetError(message) from None


def _widget(session: Session, tasks: Sequence[Task], baseline: int | str | None) -> CompareWidget:
    from nbtrace._query.comparison import Comparing
    from nbtrace._query.select import of_traces
    from nbtrace._sweep.result import compared, spans_of
    from nbtrace._widgets.compare import CompareWidget

    by_key = {task.key: task for task in tasks}
    comparing = Comparing(lambda: spans_of(session.snapshot(), by_key), lambda spans: compared(spans, by_key))
    if not comparing().runs:
        message = "no call of the sweep is in the session; those of a trace outside of the sample are not kept"
        raise NotFoundError(message)
    return CompareWidget(
        comparing,
        session.by_hand(),
        lambda: of_traces(session.snapshot(), [run.trace_id for run in comparing().runs]),
        session.subscribe,
        baseline=comparing().baseline(baseline),
    )
