"""What `%nbtrace status` says, a sentence a line: what is recorded, where, what not, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from nbtrace import _guard
from nbtrace._capture.guardrails import any_active
from nbtrace._query.text import counted

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._session import Session

UNPRICED: Final = 5
"""Models without a price that are named."""

_MODES: Final = {"metadata": "left out", "hashed": "told by length and hash"}


def lines(session: Session) -> list[str]:
    """Say how the session is."""
    spans = session.spans()
    return [
        *_totals(session, spans),
        *session.spending.lines(),
        *(f"watched: {line}" for one in session.watches for line in repr(one).splitlines()),
        *_places(session),
        *_unpriced(spans),
        *_policy(session),
        *unrecorded(session),
        *(f"problem: {problem}" for problem in session.problems),
        *(f"problem: nbtrace failed {count} x in {place}" for place, count in _guard.failures.items()),
    ]


def unrecorded(session: Session) -> Iterator[str]:
    """Say what passed by while the session was paused, and what was sampled out."""
    gate, passed = session.gate, session.passed
    if passed or gate.while_off.spans:
        yield (
            f"not recorded while paused: {counted(passed, 'request')}, "
            f"{counted(gate.while_off.spans, 'span')} of your tracer provider"
        )
    out = gate.sampled_out
    if gate.rate < 1 or out.spans:
        yield (
            f"sampled: {gate.rate:.2%} of the traces, and those with an error; "
            f"left out: {counted(out.traces, 'trace')} with {counted(out.spans, 'span')}, "
            f"{counted(out.calls, 'LLM call')}"
        )


def unheld(session: Session) -> Iterator[str]:
    """Say what lets every call go while the session is paused."""
    if session.spending.limits:
        yield "no budget holds meanwhile"
    if any_active():
        yield "no guard looks at calls meanwhile"


def _totals(session: Session, spans: Spans) -> Iterator[str]:
    from nbtrace._query.select import without_cells
    from nbtrace._query.totals import summarize
    from nbtrace._widgets.summary import summary_text

    paid, latest = (
        summary_text(summarize(without_cells(some.snapshot))) for some in (spans, spans.filter(run="latest"))
    )
    state = "recording" if session.enabled else "paused" if session.running else "stopped"
    yield f"nbtrace is {state}: {paid}, {counted(len(spans), 'span')}"
    if latest != paid:
        yield f"of these, the latest run of each cell: {latest}"


def _places(session: Session) -> Iterator[str]:
    if session.running and session.tracing.shared:
        yield "spans are made on your tracer provider; its exporters get them without prompts and answers"
    else:
        yield "nothing is sent unless you export"
    yield from _memory(session)
    journal = session.journal
    if journal is None:
        yield "everything is kept in this kernel's memory only: the journal is off"
        return
    yield f"problem: {journal.problem}" if journal.problem else f"the journal is in {journal.directory}"
    if journal.removed:
        yield f"{counted(len(journal.removed), 'old session')} made room there"


def _memory(session: Session) -> Iterator[str]:
    sizes, spill = session.store.sizes(), session.store.spill
    if sizes.disk:
        yield f"{sizes.disk:,} bytes of older spans are on the disk and {sizes.memory:,} in memory"
    if spill.problem:
        yield f"problem: {spill.problem}"


def _unpriced(spans: Spans) -> Iterator[str]:
    from nbtrace._query.cost import unpriced

    if models := unpriced(spans.snapshot):
        names = ", ".join(f"{model} ({count} x)" for model, count in list(models.items())[:UNPRICED])
        more = f" and {len(models) - UNPRICED} more" if len(models) > UNPRICED else ""
        yield f"unpriced: {names}{more}; nbtrace.cost(span) says why, nbtrace.prices[model] = {{...}} sets a price"


def _policy(session: Session) -> Iterator[str]:
    policy = session.policy
    if policy.content != "full":
        yield f"content is not kept: prompts, answers and sources are {_MODES[policy.content]}"
    if asked := (*policy.rules.optional, *policy.rules.own):
        yield f"masked besides secrets: {', '.join(asked)}"
