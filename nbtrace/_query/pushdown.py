"""Filters as far as files can answer them: an expression that chooses whatever the filters choose, and perhaps more.

A dataset's directories say its days, and each file the least and greatest value of its columns; so groups of rows that
have nothing of what is wanted need not be read. `filters` then chooses among the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query.kinds import OPERATION_TYPES
from nbtrace._query.matching import WILDCARDS
from nbtrace._query.moments import moment_ns
from nbtrace._query.totals import ERROR

if TYPE_CHECKING:
    from nbtrace._query.filters import Filters

Expression = Any
"""The stubs of pyarrow do not know all that can be done with one."""


def pushed(filters: Filters) -> Expression | None:
    """Give the expression; None if all files may have what is wanted."""
    if filters.get("run") is not None:  # the latest run of a cell is known only among all
        return None
    found: Expression | None = None
    for name, value in filters.items():
        made = _PUSHED[name](value) if value is not None and name in _PUSHED else None
        if made is not None:
            found = made if found is None else found & made
    return found


def _since(value: object) -> Expression:
    import pyarrow.compute as pc

    start = moment_ns(value, name="since")
    return _days(pc.field("date") >= _day(start)) & (pc.field("start_time_unix_nano") >= start)


def _until(value: object) -> Expression:
    import pyarrow.compute as pc

    end = moment_ns(value, name="until")
    return _days(pc.field("date") <= _day(end)) & (pc.field("start_time_unix_nano") < end)


def _days(chosen: Expression) -> Expression:
    """Choose days, and files that are in no directory of one."""
    import pyarrow.compute as pc

    return pc.field("date").is_null() | chosen


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment // 10**9, UTC).date().isoformat()


def _trace(value: object) -> Expression | None:
    """Choose the traces whose ids begin with some digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = str(getattr(value, "trace_id", value)).lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        return None
    low, high = (pa.scalar(bytes.fromhex(digits.ljust(32, end)), pa.binary(16)) for end in "0f")
    return (pc.field("trace_id") >= low) & (pc.field("trace_id") <= high)


def _status(value: object) -> Expression | None:
    import pyarrow.compute as pc

    return pc.field("status_code") == ERROR if value == "error" else None


def _kind(value: object) -> Expression | None:
    import pyarrow.compute as pc

    if not isinstance(value, str) or value == "span":
        return None
    operations = [operation for operation, kind in OPERATION_TYPES.items() if kind == value]
    return pc.field("operation").isin(operations) | (pc.field("span_type") == value)


def _text(*columns: str) -> Callable[[object], Expression | None]:
    def push(value: object) -> Expression | None:
        import pyarrow.compute as pc

        if not isinstance(value, str) or WILDCARDS.search(value):
            return None
        first, *others = (pc.field(column) == value for column in columns)
        for other in others:
            first |= other
        return first

    return push


_PUSHED: Final[dict[str, Callable[[Any], Expression | None]]] = {
    "since": _since,
    "until": _until,
    "trace": _trace,
    "status": _status,
    "kind": _kind,
    "name": _text("name"),
    "model": _text("request_model", "response_model"),
    "operation": _text("operation"),
    "provider": _text("provider"),
    "prompt": _text("prompt_name"),
    "user": _text("user_id"),
    "session": _text("session_id"),
    "conversation": _text("conversation_id"),
}
