"""An audit as a page that a person reads: what was said to whom, why, and by which span of the file that can be shown.

The page has no script and loads nothing. What was said is hostile and is text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import text
from nbtrace._query.preview import spoken
from nbtrace._widgets.markup import escape

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

COLUMNS: Final = (
    "trace_id", "span_id", "parent_span_id", "name", "start_time_unix_nano", "user_id", "session_id",
    "prompt_name", "prompt_version", "request_model", "response_model", "cost_usd", "cost_state", "error_type",
    "system_instructions", "input_messages", "output_messages",
)  # fmt: skip
PIECE: Final = 1024
STYLE: Final = """\
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 16px; max-width: 1200px; font: 13px / 20px system-ui, sans-serif; }
article { border-top: 1px solid #8886; padding: 8px 0; }
p { margin: 2px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
small, code { opacity: 0.7; overflow-wrap: anywhere; }
"""


def parts(spans: Snapshot, whole: Snapshot, about: Mapping[str, Any], links: list[str]) -> Iterator[bytes]:
    """Write the page, a part at a time.

    Args:
        spans: those of the audit, in its order.
        whole: those among which theirs parents are.
        about: what the audit says of itself.
        links: the chain of each span.
    """
    names = whole.select(["trace_id", "span_id", "parent_span_id", "name"]).to_pylist()
    above = {(row["trace_id"], row["span_id"]): (row["parent_span_id"], row["name"]) for row in names}
    told = "".join(f"<li>{escape(name)}: {escape(str(value))}</li>" for name, value in about.items())
    head = links[-1] if links else "none"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>nbtrace audit</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{STYLE}</style></head><body>'
        f"<h1>Audit of {len(spans):,} spans</h1><ul>{told}<li>head of the chain: <code>{head}</code></li></ul>"
    ).encode()
    number = 0
    for piece in spans.pieces(COLUMNS, PIECE):
        for row in piece.to_pylist():
            yield _article(row, number + 1, above, links[number]).encode("utf-8", "replace")
            number += 1
    yield b"</body></html>"


def _article(row: Mapping[str, Any], number: int, above: Mapping[Any, Any], link: str) -> str:
    when = datetime.fromtimestamp((row["start_time_unix_nano"] or 0) / 1e9, UTC).isoformat(timespec="milliseconds")
    facts = {
        "to": row["user_id"] or "not said",
        "session": row["session_id"],
        "because of": " / ".join(_path(row, above)),
        "prompt": row["prompt_name"] and f"{row['prompt_name']} v{row['prompt_version']}",
        "model": row["response_model"] or row["request_model"],
        "cost": row["cost_state"] and text.cost(row["cost_usd"], row["cost_state"]),
        "error": row["error_type"],
    }
    said = " · ".join(f"{name}: {escape(value)}" for name, value in facts.items() if value)
    texts = [
        f"<p><b>{name}</b> {escape(one)}</p>"
        for name, column in (("told", "system_instructions"), ("asked", "input_messages"), ("said", "output_messages"))
        for one in spoken(row[column])
    ]
    ids = f"span {row['span_id'].hex()} of trace {row['trace_id'].hex()}"
    return (
        f"<article><b>{number}. {escape(row['name'] or '')}</b> <small>{when} · {said}</small>{''.join(texts)}"
        f"<small>{ids}, chain <code>{link}</code></small></article>"
    )


def _path(row: Mapping[str, Any], above: Mapping[Any, Any]) -> list[str]:
    """Name the spans that one is in, from the outermost; of spans in a circle each once."""
    path: list[str] = []
    seen = {row["span_id"]}
    own = row["parent_span_id"]
    while own is not None and own not in seen and (row["trace_id"], own) in above:
        seen.add(own)
        own, name = above[row["trace_id"], own]
        path.append(name or "a span without a name")
    return path[::-1]
