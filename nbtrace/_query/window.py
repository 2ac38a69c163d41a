"""Which calls a rule looks at: the last so many, those of the last hours, or all; and the window before that one.

50 calls        the last 50 calls that have ended, by start
24h             those that began in the last 24 hours; `last 24h` is the same
all             all of them
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nbtrace._query import moments
from nbtrace._query.kinds import CALL_TYPES
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans

EXPECTED: Final = "a number of calls as in '50 calls', a length of time as in '24h', or 'all'"
PREVIOUS: Final = "previous"
"""Names the window before as a baseline."""
ENDED: Final = ("ok", "error")
_CALLS: Final = re.compile(r"(\d{1,9}) ?calls?")

Choose = Callable[..., "Spans"]


class Window(NamedTuple):
    """The last calls."""

    said: str
    calls: int | None = None
    length: timedelta | None = None

    @classmethod
    def of(cls, given: object) -> Window:
        """Read a window.

        Raises:
            UsageError: it is none.

        Examples:
            >>> Window.of("last 50 calls")
            Window(said='the last 50 calls', calls=50, length=None)
            >>> Window.of("24h").said
            'the last 24h'
        """
        word = given.strip().removeprefix("last ").strip() if isinstance(given, str) else given
        if word == "all":
            return WHOLE
        if isinstance(word, str) and (match := _CALLS.fullmatch(word)) and (calls := int(match[1])):
            return cls(f"the last {calls:,} calls" if calls > 1 else "the last call", calls=calls)
        try:
            length = moments.length(word, name="window")
        except UsageError:
            raise UsageError.argument("window", EXPECTED, given) from None
        return cls(f"the last {word}", length=length)

    def among(self, choose: Choose, filters: Mapping[str, Any], now: datetime | None = None) -> Spans | None:
        """Choose the calls in the window; none, if that is everything.

        Args:
            choose: chooses spans by filters, as `nbtrace.spans` does.
            filters: which of them are meant.
            now: the end of the window.

        Raises:
            UsageError: a filter says something else.
        """
        if self.calls is not None:
            return choose(**{"kind": CALL_TYPES, "status": ENDED, **_without("last", filters), "last": self.calls})
        if self.length is not None:
            return choose(**_without("since", filters), since=(now or datetime.now(UTC)) - self.length)
        return choose(**filters) if filters else None

    def before(self, choose: Choose, filters: Mapping[str, Any], now: datetime | None = None) -> Spans:
        """Choose the calls in the window before, which is as long.

        Raises:
            UsageError: there is none, or a filter says something else.
        """
        if self.calls is not None:
            both = choose(**{"kind": CALL_TYPES, "status": ENDED, **_without("last", filters), "last": 2 * self.calls})
            starts = both.words_of(["start_time_unix_nano"])["start_time_unix_nano"].to_pylist()
            order = sorted(range(len(starts)), key=lambda row: starts[row] or 0)
            return both.ordered(order[: max(0, len(order) - self.calls)])
        if self.length is not None:
            start = (now or datetime.now(UTC)) - self.length
            given = _without("until", _without("since", filters))
            return choose(**given, since=start - self.length, until=start)
        raise UsageError.argument("baseline", "a window of calls or of time, which has one before it", PREVIOUS)


WHOLE: Final = Window("all calls")


def _without(name: str, filters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a filter that says how long the window is.

    Raises:
        UsageError: there is one.
    """
    if filters.get(name) is not None:
        raise UsageError.argument("window", f"either a window or the filter {name}", filters[name])
    return filters
