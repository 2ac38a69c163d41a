"""What happened, in a few sentences: how a span ended and why, what had to be tried, and where it was.

All of it stands further below too, as parts and attributes; this is for whoever does not want to read them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._query import text
from nbtrace._query.branch import branch, end_of
from nbtrace._query.endings import is_exported, is_interrupted
from nbtrace._query.totals import ATTEMPT, BEGUN
from nbtrace._query.tree import ERROR, FAILURE, tree
from nbtrace._widgets.markup import clip, visible
from nbtrace._widgets.static import REFUSALS

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._export.facts import Facts
    from nbtrace._store.snapshot import Snapshot

ROOM: Final = 300
"""Characters of what an error says, or a name."""
ATTEMPTS: Final = 5
"""Attempts that are told one by one."""
AROUND: Final = 5
"""Spans around it that are named."""
UNNAMED: Final = "a span without a name"

_FINISHED: Final = {
    "stop": "It came to its end",
    "length": "The answer breaks off: it has as many tokens as it may",
    "content_filter": "A content filter stopped the answer",
    "tool_calls": "It asks for tools to be called",
    "tool_call": "It asks for tools to be called",
}
_STREAMS: Final = {
    "unfinished": "It is a stream that has not been read to its end.",
    "closed": "Its stream was closed before its end.",
    "abandoned": "Its stream was dropped before its end.",
    "cancelled": "Its stream was cancelled.",
    "interrupted": "Its stream was interrupted.",
}


def happened(span: Facts, trace: Snapshot) -> list[str]:
    """Tell of a span, and of those below it in its trace, a sentence each."""
    drawn = tree(trace)
    row = drawn["span_id"].to_pylist().index(span.span_id)
    told = [*_end(span), *_tries(span, drawn, row), *_answer(span), *_cost(span), *_below(span, drawn, row)]
    return [*told, *_place(drawn, row)]


def _end(span: Facts) -> Iterator[str]:
    took, is_call = text.duration(span.duration_ns), span.operation in semconv.LLM_OPERATIONS
    if span.duration_ns is None:
        yield from _endless(span)
    elif span.failed:
        status = span.attributes.get(semconv.HTTP_STATUS_CODE)
        told = [span.error_type or "an error", *([f"HTTP {status}"] if status is not None else [])]
        said = f": {_short(span.status_message)}" if span.status_message else ""
        yield f"It failed after {took}: {_short(' · '.join(told))}{said}"
        if cause := span.attributes.get(semconv.ERROR_CAUSE):
            yield f"Behind that was {_short(cause)}"
    elif is_call and span.cost_state == text.REPLAYED:
        yield f"A recording answered in {took}, and no request went out."
    elif is_call:
        first = _took(span.time_to_first_chunk_s)
        begun = f", of which {first} until the first words" if first else ""
        yield f"{_short(span.model or 'The model')} answered in {took}{begun}."
    else:
        yield f"It took {took}."


def _endless(span: Facts) -> Iterator[str]:
    """Tell of a span without an end why it has none, and that it has failed, which some say before they end."""
    message = span.status_message
    if is_interrupted(message):
        yield "It had not ended when its kernel did."
        return
    if is_exported(message):
        yield "It had not ended when it was exported."
    else:
        yield _STREAMS["unfinished"] if span.stream_outcome else "It still runs."
    if span.failed:
        yield f"It has failed: {_short(span.error_type or message or 'an error')}"


def _tries(span: Facts, drawn: pa.Table, row: int) -> Iterator[str]:
    """Tell of a call that went out more than once how each attempt ended."""
    if span.attempts is None:
        return
    waited, limited = _took(span.attributes.get(semconv.ATTEMPTS_WAIT)), _took(span.rate_limited_s)
    words = [text.counted(span.attempts, "request") + " went out for it"]
    words += [f"{waited} were waited between them"] if waited else []
    of_that = "of that" if waited else "were waited"
    words += [f"{limited} {of_that} for a rate limit"] if limited else []
    below = drawn.slice(row + 1, end_of(drawn, row) - row - 1).to_pylist()
    tried = [one for one in below if one["type"] == ATTEMPT]
    ends = [f"{_short(one['name'])}: {_short(_outcome(one))}" for one in tried[:ATTEMPTS]]
    yield f"{', '.join(words)}{' (' * bool(ends)}{'; '.join(ends)}{')' * bool(ends)}."


def _outcome(attempt: dict[str, Any]) -> str:
    return attempt["error_type"] or ("failed" if attempt["flags"] & ERROR else "answered")


def _answer(span: Facts) -> Iterator[str]:
    if span.refusal:
        yield f"It was refused {REFUSALS.get(span.refusal, _short(span.refusal))}."
    for reason in dict.fromkeys(span.finish_reasons or ()):
        yield f"{_FINISHED.get(reason, 'It ended otherwise')} ({_short(reason)})."
    if span.duration_ns is not None and span.stream_outcome in _STREAMS:
        yield _STREAMS[span.stream_outcome]


def _cost(span: Facts) -> Iterator[str]:
    """Say why a cost is not known, or not for sure."""
    reason = span.attributes.get(semconv.COST_REASON)
    is_unanswered = span.failed and all(span.row[name] is None for name in BEGUN)
    if reason and span.cost_state == "estimated":
        yield f"Its cost is an estimate: {_short(reason)}."
    elif reason and span.cost_state == text.UNPRICED and not is_unanswered:
        yield f"Its cost is not known: {_short(reason)}."


def _below(span: Facts, drawn: pa.Table, row: int) -> Iterator[str]:
    """Tell of a step what was done in it, and what failed there first."""
    end = end_of(drawn, row)
    if span.operation in semconv.LLM_OPERATIONS or end == row + 1:
        return
    found = branch(drawn, row + 1, end)
    words = [text.counted(found.spans, "span"), *([text.counted(found.calls, "LLM call")] if found.calls else [])]
    words += [text.counted(found.errors, "error")] if found.errors else []
    yield f"Below it: {', '.join(words)}."
    names = ["name", "flags", "error_type", "start_ms", "duration_ms"]
    below: list[dict[str, Any]] = drawn.slice(row + 1, end - row - 1).select(names).to_pylist()
    if failed := min((one for one in below if one["flags"] & FAILURE), key=_over_ms, default=None):
        name = _short(failed["name"] or UNNAMED)
        yield f"There {name} failed first: {_short(failed['error_type'] or 'an error')}"


def _over_ms(drawn: dict[str, Any]) -> float:
    """Say when a span of a tree was over, which is when it failed."""
    took = drawn["duration_ms"]
    return math.inf if took is None else (drawn["start_ms"] or 0) + took


def _place(drawn: pa.Table, row: int) -> Iterator[str]:
    """Name what a span was in, from the inside."""
    parents: Any = drawn["parent"].to_pylist()
    around: list[int] = []
    above = parents[row]
    while above >= 0:
        around.append(above)
        above = parents[above]
    if around:
        names = drawn["name"].take(around[:AROUND]).to_pylist()
        named = [_short(name or UNNAMED) for name in names]
        yield f"It was in {', in '.join(named)}{', …' if len(around) > AROUND else ''}."


def _took(seconds: object) -> str:
    """Word a time; empty if there was none, or what a file says is none."""
    took = seconds * text.SECOND if isinstance(seconds, int | float) else 0
    return text.duration(took) if 0 < took < math.inf else ""


def _short(said: object) -> str:
    return clip(visible(str(said)), ROOM)
