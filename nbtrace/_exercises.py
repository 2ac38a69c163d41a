"""What the exercises of the course ask for, one function each, and the words for who is not there yet.

A check reads the spans that the learner has recorded, or holds a value that was given against what the spans say. So
that none passes without the work, each looks for something that the cells of its notebook do not make.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from nbtrace._answers import Answers
from nbtrace._query import text
from nbtrace._query.row import Span
from nbtrace._query.totals import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace._session import Session


class NotYetError(Exception):
    """An exercise is not done: what was expected, what there is, and what may help."""

    def __init__(self, expected: str, came: str, hint: str) -> None:
        super().__init__(f"Expected: {expected}. There is: {came}. Hint: {hint}.")


class Work:
    """What a learner has done.

    Args:
        session: whose spans are looked at.
        answer: the value that was given, if any.
    """

    def __init__(self, session: Session, answer: object) -> None:
        self.session = session
        self.answer = None if answer is ... else answer

    def calls(self) -> list[Span]:
        """Give the LLM calls of the session that have ended.

        Raises:
            NotYetError: there is none.
        """
        found = [one for one in self.session.spans(kind="llm") if one["duration_ns"] is not None]
        if not found:
            raise NotYetError("the calls of this notebook", "none", "run the cells above first")
        return found

    def step(self, name: str, hint: str, *, kind: str | None = None) -> Span:
        """Give the last ended step of a name, of a kind if that matters.

        Raises:
            NotYetError: there is none.
        """
        expected = f"a span named {name!r}" + (f" of kind {kind!r}" if kind else "")
        named = [name, f"* {name}"]  # tools, agents and retrievals have their operation before the name
        found = [one for one in self.session.spans(name=named) if one["duration_ns"] is not None]
        if not found:
            raise NotYetError(expected, "none of that name", hint)
        fitting = [one for one in found if kind in {None, one["type"]}]
        if not fitting:
            raise NotYetError(expected, f"one of kind {found[-1]['type']!r}", hint)
        return fitting[-1]

    def below(self, above: Span) -> list[Span]:
        """Give all spans below a span, children of children too."""
        found, ids = [], {above["span_id"]}
        rest = list(self.session.spans(trace=above["trace_id"]))
        while children := [one for one in rest if one["parent_span_id"] in ids]:
            found += children
            ids = {one["span_id"] for one in children}
        return found

    def calls_below(self, above: Span) -> list[Span]:
        """Give the calls below a span that have ended, in the order of their starts."""
        calls = [one for one in self.below(above) if one["type"] == "llm" and one["duration_ns"] is not None]
        return sorted(calls, key=lambda one: one["start_time_unix_nano"])

    def answered(self, calls: list[Span]) -> None:
        """Look whether calls were answered.

        Raises:
            NotYetError: one has failed.
        """
        failed = [one for one in calls if one["status_code"] == ERROR]
        if failed:
            came = f"one that failed: {failed[0]['error_type'] or 'an error'}"
            hint = "leave the words and options of the request as they are, since the recording answers no other"
            raise NotYetError("a call that was answered", came, hint)

    def span(self, expected: str, hint: str) -> Span:
        """Give the span that was given: as such, or by the first digits of its id.

        Raises:
            NotYetError: it is none.
        """
        given = self.answer
        if isinstance(given, Span):
            return given
        if given is None:
            raise NotYetError(expected, "no answer", hint)
        found = [one for one in self.session.spans() if isinstance(given, str) and one["span_id"].startswith(given)]
        if len(found) != 1:
            raise NotYetError(expected, f"{_shown(given)}, which is no span here", hint)
        return found[0]

    def scores(self, name: str) -> list[tuple[Span, dict[str, Any]]]:
        """Give the scores of a name that came to a value, each with its span."""
        kept = [one for one in self.session.snapshot().scores.to_pylist() if one["name"] == name]
        spans = {bytes.fromhex(one["span_id"]): one for one in self.session.spans()}
        return [(spans[one["span_id"]], one) for one in kept if one["span_id"] in spans and one["value"] is not None]

    def number(self, expected: str, hint: str) -> float:
        """Give the number that was given.

        Raises:
            NotYetError: it is none.
        """
        given: Any = self.answer
        if given is None:
            raise NotYetError(expected, "no answer", hint)
        try:
            return float(given)
        except (OverflowError, TypeError, ValueError):
            raise NotYetError(expected, _shown(given), hint) from None


def _shown(given: object) -> str:
    """Name a value that may be anything."""
    kind = type(given).__name__
    return f"{kind} {given!r:.40}" if isinstance(given, str | bytes | int | float) else f"a value of type {kind}"


def _slowest(work: Work) -> str:
    expected, hint = "the span of the longest call", "sort nbtrace.spans(kind='llm').to_pandas() by duration_ms"
    given, calls = work.span(expected, hint), work.calls()
    if given["type"] != "llm":
        raise NotYetError(expected, f"the span of a {given['type']}, {given['name']!r:.60}, which is no call", hint)
    longest = max(calls, key=lambda one: one["duration_ns"])
    if given["span_id"] != longest["span_id"]:
        raise NotYetError(expected, f"one that took {text.duration(given['duration_ns'])}", hint)
    return f"it took {text.duration(given['duration_ns'])}, and none of the {len(calls)} calls took longer."


def _parent(work: Work) -> str:
    step = work.step("greeting", "put the call into `with nbtrace.span('greeting'):`")
    children = work.calls_below(step)
    if not children:
        hint = "indent the call, so that it is made before the `with` block ends"
        raise NotYetError("a call below the span 'greeting'", "nothing below it", hint)
    work.answered(children)
    return f"{children[-1]['name']!r} has your span {step['span_id'][:6]}… as its parent, in the same trace."


_AT_ONCE: Final = 3


def _for_whom(work: Work) -> str:
    step = work.step("survey", "begin with `with nbtrace.context(user='grace'), nbtrace.span('survey'):`")
    calls = work.calls_below(step)
    if len(calls) < _AT_ONCE:
        hint = "await asyncio.gather(...) inside of the block"
        raise NotYetError(f"{_AT_ONCE} calls below 'survey'", f"{len(calls)}", hint)
    work.answered(calls)
    ends = accumulate((one["start_time_unix_nano"] + one["duration_ns"] for one in calls), max)
    if any(one["start_time_unix_nano"] >= end for one, end in zip(calls[1:], ends, strict=False)):
        hint = "`await asyncio.gather(*map(ask_later, questions))` begins all of them before it waits"
        raise NotYetError(f"{_AT_ONCE} calls at the same time", "one that began when those before had ended", hint)
    strangers = [one for one in calls if one["user_id"] != "grace"]
    if strangers:
        whose, hint = strangers[0]["user_id"], "nbtrace.context(user=...) says it"
        came = f"one for {whose!r}" if whose else "one without a user"
        raise NotYetError("each of them for the user 'grace'", came, hint)
    return f"{len(calls)} calls at the same time, and all of them are Grace's, below one step."


_CLOSE: Final = 0.02
"""How far a number may be off, as a share of it: room for rounding."""


def _waited(work: Work) -> str:
    expected, hint = "the seconds that the call waited for the rate limit", "nbtrace.of(reply) has a column for it"
    calls = [one for one in work.calls() if one["rate_limited_s"] and one.question == "Name a planet."]
    if not calls:
        raise NotYetError("a call that asks for a planet and was retried", "none", "run the cell above first")
    given, waited = work.number(expected, hint), calls[-1]["rate_limited_s"]
    if not _is_close(given, waited):
        raise NotYetError(expected, f"{given:g}", hint)
    whole = calls[-1]["duration_ns"] / 1e9
    return f"{waited:.3f} s of {whole:.3f} s went by waiting; the model is not to blame for those."


_TURNS: Final = 4
_USERS: Final = 1000


def _thousandfold(work: Work) -> str:
    expected, hint = "the price of four turns, a thousand times", "add up cost_usd of recorded.spans(kind='llm')[:4]"
    given, calls = work.number(expected, hint), work.calls()[:_TURNS]
    price = work.session.prices[calls[0]["request_model"]]
    each = [one["input_tokens"] * price["input_mtok"] + one["output_tokens"] * price["output_mtok"] for one in calls]
    wanted = _USERS * sum(each) / 1e6
    if not _is_close(given, wanted):
        raise NotYetError(expected, f"${given:g}", hint)
    return f"${wanted:.4f} for {_USERS} conversations of {_TURNS} turns."


def _shipped(work: Work) -> str:
    expected, hint = "the tag 'production' on a version of 'capital'", ".tag('production', ...) with its number"
    tags = work.session.prompts["capital"].tags if "capital" in work.session.prompts else {}
    if "production" not in tags:
        raise NotYetError(expected, f"the tags {', '.join(tags) or 'none'}", hint)
    judged: dict[str, list[float]] = {}
    for one, score in work.scores("names the capital"):
        judged.setdefault(one["prompt_version"], []).append(score["value"])
    rates = {version: sum(values) / len(values) for version, values in judged.items()}
    chosen = str(tags["production"])
    if chosen not in rates or rates[chosen] < max(rates.values()):
        raise NotYetError("the version that names the capital more often", f"version {chosen}", "look at the sentences")
    return f"version {chosen} is in production, with {rates[chosen]:.0%} of its answers right."


def _tool(work: Work) -> str:
    tool = work.step("convert", '@nbtrace.span("convert", kind="tool") goes above the function', kind="tool")
    agent = work.step("exchange", 'call it in `with nbtrace.span("exchange", kind="agent"):`', kind="agent")
    if tool["span_id"] not in {one["span_id"] for one in work.below(agent)}:
        raise NotYetError("'convert' below 'exchange'", "the two apart", "call it inside of the agent's block")
    return f"the tool got {tool.question} and gave {tool.answer}, below the agent that called it."


def _badge(work: Work) -> str:
    hint = r"nbtrace.redact(r'ACME-\d{6}', name='badge'), and then the step again"
    kept = work.step("door", hint).question or ""
    if "ACME-" in kept or "[redacted: badge]" not in kept:
        raise NotYetError("'[redacted: badge]' in what the step 'door' was given", repr(kept[:60]), hint)
    return f"what is kept is {kept!r}."


_WORDS: Final = 10


def _short(work: Work) -> str:
    expected = "scores named 'short' of Monday's answers"
    scores = [(one, score) for one, score in work.scores("short") if "monday" in (one["tags"] or ())]
    if not scores:
        raise NotYetError(expected, "none", "nbtrace.evaluate(calls('monday'), short)")
    wrong = [one.answer for one, score in scores if bool(score["value"]) != (len((one.answer or "").split()) <= _WORDS)]
    if wrong:
        came = f"another verdict on {wrong[0]!r:.60}"
        raise NotYetError(f"a pass for at most {_WORDS} words", came, "len(answer.split()) counts them")
    passed = sum(bool(score["value"]) for _, score in scores)
    return f"{passed} of {len(scores)} answers are short, and each score is kept with its span."


def _numbers_only(work: Work) -> str:
    expected = "what was opened of a file that has the calls without their content"
    hint, given = "nbtrace.export(..., spans=session, content=False), and then nbtrace.open", work.answer
    if not isinstance(given, Answers) or given is work.session:
        raise NotYetError(expected, "no answer" if given is None else _shown(given), hint)
    calls = list(given.spans(kind="llm"))
    if {one["span_id"] for one in calls} != {one["span_id"] for one in work.calls()}:
        raise NotYetError(expected, f"{len(calls)} calls of {len(work.calls())}", "spans=session chooses them all")
    told = [one for one in given.spans() if one.question or one.answer or one.documents]
    if told:
        raise NotYetError(expected, f"{len(told)} spans with content, {told[0]['name']!r} first", hint)
    return f"{len(calls)} calls with their tokens and times, and nothing of what was said."


def _longest(work: Work) -> str:
    expected, hint = "the user whose calls gave the most tokens on average", "avg(output_tokens), grouped by user_id"
    tokens: dict[str, list[int]] = {}
    for one in work.calls():
        tokens.setdefault(str(one["user_id"]), []).append(one["output_tokens"] or 0)
    means = {user: sum(given) / len(given) for user, given in tokens.items()}
    given = work.answer
    if not isinstance(given, str) or given not in means or means[given] < max(means.values()):
        raise NotYetError(expected, "no answer" if given is None else _shown(given), hint)
    return f"{given}, with {means[given]:.0f} tokens a call; who sent the most calls is another question."


def _is_close(given: float, wanted: float) -> bool:
    return abs(given - wanted) <= _CLOSE * abs(wanted)


EXERCISES: Final[dict[str, Callable[[Work], str]]] = {
    "01": _slowest,
    "02": _parent,
    "03": _for_whom,
    "04": _waited,
    "05": _thousandfold,
    "06": _shipped,
    "07": _tool,
    "08": _badge,
    "09": _short,
    "10": _numbers_only,
    "11": _longest,
}
"""The exercises, by the number of their notebook."""
