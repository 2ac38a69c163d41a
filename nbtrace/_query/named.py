r"""Finding spans by what a column holds: `model:gpt-4o-mini`, `prompt:"say hello" prompt_version:2`.

Words for columns are those of `metrics`; `since:2026-11-25T09:00` and `until:` are moments of the spans' begins, as
`nbtrace.spans` takes them. A value with spaces or quotes is a JSON string, the empty one is unknown. A
text that names no column is none of these, and is looked for as it is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query.aggregate import KEYS
from nbtrace._query.moments import moment_ns
from nbtrace._query.worked_out import WORDS, rows_with
from nbtrace._store.schema import COLUMNS
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbtrace._store.snapshot import Snapshot

PART: Final = re.compile(r'\s*(\w+):("(?:[^"\\]|\\.)*"|[^\s"]+)(?=\s|$)')
PLAIN: Final = re.compile(r"[\w.:/@+~-]+")
KNOWN: Final = {
    **{column.name: (column.name,) for column in COLUMNS if column.type in ("string", "int")},
    **{word: columns for word, columns in KEYS.items() if word != "trace"},
}
"""Words to the columns they mean; of several the first that is set counts."""
TIMES: Final = ("since", "until")
"""Words for when a span began: from then on, and before then."""


def read(text: str) -> list[tuple[str, str]] | None:
    """Read which columns are to hold what; None if the text is an ordinary one."""
    found: list[tuple[str, str]] = []
    at = 0
    while part := PART.match(text, at):
        word, value = part.groups()
        if word not in KNOWN and word not in TIMES and word not in WORDS:
            return None
        try:
            found.append((word, json.loads(value) if value[0] == '"' else value))
            if word in TIMES:
                moment_ns(found[-1][1], name=word)
        except (ValueError, UsageError):
            return None
        if word in WORDS and found[-1][1] not in WORDS[word]:
            return None
        at = part.end()
    return found if found and not text[at:].strip() else None


def written(pairs: Iterable[tuple[str, object]]) -> str:
    """Write what `read` reads, so that it is harmless wherever it is shown; unknown is None."""
    texts = [(word, "" if value is None else str(value)) for word, value in pairs]
    return " ".join(f"{word}:{value if PLAIN.fullmatch(value) else _quoted(value)}" for word, value in texts)


def _quoted(value: str) -> str:
    return json.dumps(value).replace("<", "\\u003c").replace("$", "\\u0024")


def having(spans: Snapshot, pairs: Sequence[tuple[str, Any]]) -> Any:
    """Say of each span whether its columns hold what they are to hold."""
    import pyarrow as pa
    import pyarrow.compute as pc

    masks: list[Any] = []
    for word, value in pairs:
        if word in TIMES:
            holds = pc.greater_equal if word == "since" else pc.less
            began: Any = holds(spans["start_time_unix_nano"], pa.scalar(moment_ns(value, name=word)))
            masks.append(pc.fill_null(began, False))
            continue
        if word in WORDS:
            masks.append(rows_with(spans.__getitem__, word, [value]))
            continue
        columns: list[Any] = [spans[name].cast(pa.string()) for name in KNOWN[word]]
        held = pc.fill_null(columns[0] if len(columns) == 1 else pc.coalesce(*columns), "")
        masks.append(pc.equal(held, value))
    both = masks[0]
    for mask in masks[1:]:
        both = pc.and_(both, mask)
    return both
