"""Times as a user writes them: a moment, or how long ago.

A moment without a zone is local time, as in `datetime.now()`. A length of time is a `timedelta` or a number with a
unit: `90s`, `15m`, `2h`, `7d`, `1w`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from nbtrace.errors import UsageError

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds."""

LONGEST: Final = timedelta(days=365_000)
"""A thousand years: so long ago, and twice as long ago, is still a date."""

INT64_MAX: Final = 2**63 - 1
"""In nanoseconds a moment of the year 2262; spans have no later ones."""

EXPECTED_LENGTH: Final = "a timedelta or a number with a unit, as in '90s', '15m', '2h', '7d', '1w'"
EXPECTED_MOMENT: Final = "a datetime, ISO text as in '2026-11-25T09:00', or how long ago: " + EXPECTED_LENGTH

_LENGTH: Final = re.compile(rf"(\d{{1,9}}) ?([{''.join(UNITS)}])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def length(value: object, *, name: str) -> timedelta:
    """Read a length of time.

    Args:
        value: What the user gave.
        name: The argument, for the error.

    Raises:
        UsageError: It is none, not above zero, or more than a thousand years.

    Examples:
        >>> length("15m", name="every")
        datetime.timedelta(seconds=900)
    """
    found = value if isinstance(value, timedelta) else None
    if isinstance(value, str) and (match := _LENGTH.fullmatch(value.strip())):
        seconds = int(match[1]) * UNITS[match[2]]
        found = timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else None
    if found is None or not timedelta(0) < found <= LONGEST:
        raise UsageError.argument(name, EXPECTED_LENGTH, value)
    return found


def moment_ns(value: object, *, name: str, now: datetime | None = None) -> int:
    """Read a moment as nanoseconds since the epoch.

    Args:
        value: What the user gave.
        name: The argument, for the error.
        now: What a length of time counts back from.

    Raises:
        UsageError: It is no moment.

    Examples:
        >>> moment_ns("2026-11-25T09:00Z", name="since")
        1795597200000000000
    """
    match value:
        case datetime():
            found = value
        case date():
            found = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - local, as every naive one
        case str() if not _LENGTH.fullmatch(value.strip()):
            try:
                found = datetime.fromisoformat(value.strip())
            except ValueError:
                raise UsageError.argument(name, EXPECTED_MOMENT, value) from None
        case str() | timedelta():
            found = (now or datetime.now(UTC)) - length(value, name=name)
        case _:
            raise UsageError.argument(name, EXPECTED_MOMENT, value)
    try:
        since = found.astimezone(UTC) - _EPOCH
    except (OverflowError, OSError):
        raise UsageError.argument(name, EXPECTED_MOMENT, value) from None
    return max(-INT64_MAX, min(since // timedelta(microseconds=1) * 1000, INT64_MAX))
