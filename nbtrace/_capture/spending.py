"""What calls have come to, against the budgets that the user set: the next call is stopped before it is sent.

A call is counted when it ends, on the path of its caller and by what it reports, so the total is true as soon as the
caller goes on; whether the next one may be sent is decided under one lock against what has ended. So calls at the same
time can go beyond a budget by what those in flight come to, and by no more. A call that was let go is not stopped any
more, its retries are a part of it, and a stream counts when it ends.

Each call counts once, by the id of its span: those that ended before there was a budget are counted from the table.
What has no price is not taken for nothing: it is counted apart, and said once for each model.
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from nbtrace import semconv
from nbtrace._capture.said import REFUSED
from nbtrace._money import dollars
from nbtrace._trace import pricing
from nbtrace._trace.provider import inherited
from nbtrace.errors import BudgetError, UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.util.types import AttributeValue

    from nbtrace._capture.silence import Silence
    from nbtrace._trace.prices import Prices
    from nbtrace._trace.sink import Detail

Per = Literal["session", "cell", "sweep"]
"""What has the budget: the session, each run of a cell, each sweep."""
Key = tuple[object, ...]
"""One of these: its kind, and what tells it from others of the kind."""

WARNED_AT: Final = 0.8
"""The share of a budget from which on the user is warned, once."""
OFF: Final = "off"
_AMOUNT: Final = re.compile(
    r"(?P<dollar>\$?)\s*(?P<number>\d[\d_,]*(?:\.\d+)?|\.\d+)\s*(?P<unit>tokens?|usd|)", re.IGNORECASE
)
_EXPECTED: Final = "US dollars such as 2.00 or '$2', tokens such as '100000 tokens', or 'off'"
_logger: Final = logging.getLogger("nbtrace")


@dataclass(frozen=True)
class Limit:
    """How much calls may come to."""

    amount: float
    unit: Literal["usd", "tokens"]

    @classmethod
    def of(cls, given: object) -> Limit:
        """Read a limit.

        Raises:
            UsageError: it is none.

        Examples:
            >>> Limit.of("$2"), Limit.of("100_000 tokens")
            (Limit(amount=2.0, unit='usd'), Limit(amount=100000.0, unit='tokens'))
        """
        if isinstance(given, bool) or not isinstance(given, (int, float, str)):
            raise UsageError.kind("the budget", given, _EXPECTED)
        if not isinstance(given, str) and 0 <= given < math.inf:
            return cls(float(given), "usd")
        found = _AMOUNT.fullmatch(str(given).strip())
        tokens = found is not None and found["unit"].lower().startswith("token")
        if found is None or (found["dollar"] and tokens):
            raise UsageError.argument("budget", _EXPECTED, given)
        return cls(float(re.sub("[_,]", "", found["number"])), "tokens" if tokens else "usd")

    def said(self, amount: float) -> str:
        """Word an amount in the limit's unit.

        Examples:
            >>> Limit(2.0, "usd").said(2.0), Limit(2.0, "usd").said(0.000012), Limit(2.0, "tokens").said(1)
            ('$2.00', '$0.000012', '1 token')
        """
        if self.unit == "tokens":
            return f"{amount:,.0f} token{'' if amount == 1 else 's'}"
        return dollars(amount)

    def larger(self, spent: float) -> str:
        """Give a limit that lets calls go again, as one would write it: twice what is there.

        Examples:
            >>> Limit(2.0, "usd").larger(2.1), Limit(1e-5, "usd").larger(1.2e-5), Limit(100.0, "tokens").larger(120)
            ('4.20', '0.000024', '240 tokens')
        """
        amount = 2 * max(self.amount, spent)
        if self.unit == "tokens":
            return f"{amount:.0f} tokens"
        return dollars(amount).removeprefix("$")

    def of_total(self, total: Total) -> float:
        """Give what counts against the limit."""
        return total.usd if self.unit == "usd" else total.tokens


@dataclass
class Total:
    """What calls have come to."""

    calls: int = 0
    usd: float = 0.0
    """Of those that have a price."""
    tokens: int = 0
    """Of those whose tokens are known, or estimated."""
    is_estimated: bool = False
    unpriced: Counter[str] = field(default_factory=Counter[str])
    """Calls without a price, by model."""
    unknown: int = 0
    """Calls whose tokens nobody knows: the connection was lost, or the provider does not tell."""

    def add(self, cost: object, tokens: int | None, state: object, model: str) -> None:
        """Add a call that has ended."""
        self.calls += 1
        self.tokens += tokens or 0
        self.unknown += tokens is None
        self.is_estimated |= state == "estimated"
        if isinstance(cost, (int, float)):
            self.usd += cost
        else:
            self.unpriced[model] += 1

    def apart(self, limit: Limit) -> int:
        """Give how many calls do not count against a limit, because nobody knows what they come to."""
        return self.unpriced.total() if limit.unit == "usd" else self.unknown


class Spending:
    """Counts what calls come to, and stops them when it is enough; as `nbtrace.budget()` gives it.

    Args:
        prices: the user's own.
        silence: says why no call is captured, while none is.
    """

    def __init__(self, prices: Prices, silence: Callable[[], Silence | None]) -> None:
        self._prices = prices
        self._silence = silence
        self.limits: dict[Per, Limit] = {}
        """The budgets; without one nothing is counted."""
        self.stopped = 0
        """Calls that were not sent."""
        self._totals: defaultdict[Key, Total] = defaultdict(Total)
        self._counted: set[bytes] = set()
        self._warned: set[object] = set()
        self._lock = RLock()  # a garbage collection in here may end a stream, which comes here again

    def forked(self) -> None:
        """Go on in a forked process with a lock of its own."""
        self._lock = RLock()

    def limit(self, given: object, per: Per = "session") -> None:
        """Set a budget, or take it away.

        Args:
            given: the amount; `off` takes it away.
            per: `session`, `cell` or `sweep`.

        Raises:
            UsageError: the amount is none, there is no such thing to have a budget, or no call would be counted.
        """
        if per not in get_args(Per):
            raise UsageError.unknown("thing to have a budget", per, get_args(Per))
        if isinstance(given, str) and given.strip().lower() == OFF:
            self.limits = {known: limit for known, limit in self.limits.items() if known != per}
        else:
            limit = Limit.of(given)
            if (silence := self._silence()) is not None:
                raise silence.refused("counted or stopped")
            self.limits = {**self.limits, per: limit}
        self._warned = {known for known in self._warned if isinstance(known, str)}

    def total(self, per: Per = "session") -> Total:
        """Give what the calls of the session, or of the cell's run or sweep that is under way, have come to."""
        with self._lock:
            return self._totals.get(_key(per, inherited()) or (), Total())

    def allow(self) -> None:
        """Let the next call go, or stop it.

        Raises:
            BudgetError: a budget is spent.
        """
        here = inherited()
        with self._lock:
            for per, limit in self.limits.items():
                key = _key(per, here)
                total = self._totals.get(key, Total()) if key is not None else None
                if total is not None and limit.of_total(total) >= limit.amount:
                    self.stopped += 1
                    more = limit.larger(limit.of_total(total))
                    raise BudgetError.spent(limit.said(limit.amount), per, self._of(total, limit), total.calls, more)

    def ended(self, span: ReadableSpan, detail: Detail | None) -> None:
        """Count a call of ours that has ended, once."""
        context = span.context
        if detail is None or context is None or (span.attributes or {}).get(semconv.OPERATION_NAME) not in _CALLS:
            return
        attributes: dict[str, AttributeValue] = {**(span.attributes or {}), **detail()}
        attributes |= pricing.cost(attributes, at_ns=span.start_time, prices=self._prices)
        self._count(context.span_id.to_bytes(8), attributes)

    def take_in(self, calls: Iterable[tuple[bytes, Mapping[str, Any]]]) -> None:
        """Count calls that had ended before there was a budget.

        Args:
            calls: ids of their spans, and attributes.
        """
        for span_id, attributes in calls:
            self._count(span_id, attributes)

    def _count(self, span_id: bytes, attributes: Mapping[str, Any]) -> None:
        used = [attributes.get(name) for name in (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)]
        known = [count for count in used if isinstance(count, int)]
        if semconv.REPLAYED_FROM in attributes:
            return
        refused = attributes.get(semconv.HTTP_STATUS_CODE)  # an answer that is no answer: nobody is charged for it
        free = not known and isinstance(refused, int) and refused >= REFUSED
        model = str(attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL) or "no model")
        cost = 0.0 if free else attributes.get(semconv.USAGE_COST)
        tokens = sum(known) if known or free else None
        with self._lock:
            if span_id in self._counted:
                return
            self._counted.add(span_id)
            for per in get_args(Per):
                key = _key(per, attributes)
                if key is not None:
                    self._totals[key].add(cost, tokens, attributes.get(semconv.COST_STATE), model)
            said = list(self._warnings(attributes, model, is_priced=isinstance(cost, (int, float))))
        for words in said:
            _logger.warning("%s", words)

    def _warnings(self, attributes: Mapping[str, Any], model: str, *, is_priced: bool) -> Iterable[str]:
        """Say, once, that a budget is nearly spent, or that it cannot see what a model costs."""
        for per, limit in self.limits.items():
            key = _key(per, attributes)
            if key is None:
                continue
            total = self._totals[key]
            if limit.of_total(total) >= WARNED_AT * limit.amount > 0 and key not in self._warned:
                self._warned.add(key)
                yield f"{self._of(total, limit)} of the budget of {limit.said(limit.amount)} for the {per} is spent"
            if limit.unit == "usd" and not is_priced and model not in self._warned:
                self._warned.add(model)
                yield (
                    f"the budget of {limit.said(limit.amount)} cannot count the calls of {model}, which has no price "
                    f"here: set one by nbtrace.prices[{model!r}] = {{'input_mtok': ..., 'output_mtok': ...}}, or a "
                    "budget in tokens"
                )

    def _of(self, total: Total, limit: Limit) -> str:
        amount = limit.said(limit.of_total(total))
        return f"~{amount}" if total.is_estimated and limit.unit == "usd" else amount

    def line(self, attributes: Mapping[str, AttributeValue]) -> list[str]:
        """Say how each budget stands that holds for a span, a few words each."""
        with self._lock:
            return [
                f"budget{'' if per == 'session' else f' of the {per}'} {self._stands(key, limit)}"
                for per, limit in self.limits.items()
                if (key := _key(per, attributes)) is not None
            ]

    def _stands(self, key: Key, limit: Limit) -> str:
        total = self._totals.get(key, Total())
        apart = total.apart(limit)
        uncounted = f", {apart} uncounted" if apart else ""
        return f"{self._of(total, limit)} of {limit.said(limit.amount)}{uncounted}"

    def lines(self) -> list[str]:
        """Say how all budgets stand, a sentence each."""
        here = inherited()
        with self._lock:
            found: list[str] = []
            for per, limit in self.limits.items():
                key = _key(per, here)
                if key is None:
                    found.append(f"budget for each {per}: {limit.said(limit.amount)}")
                else:
                    found.append(
                        f"budget for {'the' if per == 'session' else 'this'} {per}: {self._stands(key, limit)}"
                    )
            if found and (silence := self._silence()) is not None:
                found.append(f"no budget holds now: {silence}")
            calls = "call was" if self.stopped == 1 else "calls were"
            stopped = [f"{self.stopped} {calls} not sent because a budget was spent"] if self.stopped else []
            return found + stopped

    def __repr__(self) -> str:
        none = [] if self.limits else ["no budget is set; nbtrace.budget(2.00) or %nbtrace budget 2.00 sets one"]
        return "\n".join([*none, *self.lines()])


_CALLS: Final = semconv.LLM_OPERATIONS


def _key(per: Per, attributes: Mapping[str, Any]) -> Key | None:
    """Name what has the budget, as a span's attributes tell it; none where there is no such thing."""
    if per == "session":
        return (per,)
    names = (semconv.CELL_ID, semconv.CELL_RUN) if per == "cell" else (semconv.SWEEP_ID,)
    found = tuple(attributes.get(name) for name in names)
    return (per, *found) if None not in found else None
