"""The one quiet line under a cell that made LLM calls, which opens to the small tree.

It is static HTML from the start: it survives saving, closing and GitHub, and costs the notebook a few kilobytes. It
takes its font and colours from where it stands, so that it is at home in light and dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace._prompts.difference import TAGS, Difference
from nbtrace._query import text
from nbtrace._widgets import static
from nbtrace._widgets.markup import clip, escape, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from nbtrace._query.totals import Summary

ROOM: Final = 600
"""Characters of what has changed."""
AROUND: Final = 40
"""Characters of what is the same, before and after what is not."""
LINE: Final = "\n"
THIN: Final = "\N{THIN SPACE}"
MODELS: Final = 2
"""Names of models on the line; more are counted."""


def summary_text(summary: Summary, *, is_changed: bool = False, notes: Sequence[str] = ()) -> str:
    """Say what a cell's calls were: calls, models, tokens, cost, time, errors, and whether it asked something else.

    Args:
        summary: What `nbtrace._query.totals.summarize` says of the cell's spans.
        is_changed: Whether it asked something else than in its run before.
        notes: What else is to be said of the cell: prompts that were lost, how its budgets stand.
    """
    parts = [text.counted(summary.calls, "LLM call")]
    parts += _models(summary.models)
    tokens = static.flow(summary.input_tokens, summary.output_tokens)
    if tokens:
        unknown = f" ({summary.unknown_usage} unknown)" if summary.unknown_usage else ""
        parts.append(f"{tokens} tokens{unknown}")
    parts += static.money(summary.cost_usd, unpriced=summary.unpriced, estimated=summary.estimated)
    parts += [f"{summary.replayed} replayed"] if summary.replayed else []
    if summary.duration_ns is not None:
        parts.append(text.duration(summary.duration_ns))
    parts += [f"{summary.refused} refused"] if summary.refused else []
    parts += [text.counted(summary.errors, "error")] if summary.errors else []
    parts += [f"{summary.running} running"] if summary.running else []
    parts += [f"{summary.unfinished} unfinished"] if summary.unfinished else []
    parts += [f"{summary.interrupted} interrupted"] if summary.interrupted else []
    parts += ["changed since the last run"] if is_changed else []
    parts += notes
    return " · ".join(parts)


def summary_html(
    tree: pa.Table, summary: Summary, difference: Difference | None = None, notes: Sequence[str] = ()
) -> str:
    """Draw the line as HTML that opens to the tree.

    Args:
        tree: The cell's spans as `nbtrace._query.tree.tree` returns them.
        summary: What `nbtrace._query.totals.summarize` says of the same spans.
        difference: What the cell asked, against its run before, where that is not the same.
        notes: What else is to be said of the cell: prompts that were lost, how its budgets stand.
    """
    line = escape(summary_text(summary, is_changed=difference is not None, notes=notes))
    if summary.errors:
        words = text.counted(summary.errors, "error")
        line = line.replace(words, f"<b>{words}</b>")
    changes = changes_html(difference) if difference is not None else ""
    table = static.table_html(tree, static.SIZE - len(changes.encode()))
    return static.folded(line, f"{changes}{table}", "opacity:.65;")


def changes_html(difference: Difference) -> str:
    """Draw what was removed and added, with a few words around it, as far as there is room."""
    shown: list[str] = []
    room = ROOM
    for kind, words in difference.parts:
        if room <= 0:
            shown.append(" …")
            break
        said = _around(words) if kind == "same" else clip(words, room)
        room -= len(said)
        opening, closing = TAGS[kind]
        gap = THIN if kind == "added" and shown and shown[-1].endswith("</del>") else ""
        shown.append(f"{gap}{opening}{'<br>'.join(map(_spaced, said.split(LINE)))}{closing}")
    return f'<div style="padding-bottom:4px;overflow-wrap:anywhere">{"".join(shown)}</div>'


def _spaced(line: str) -> str:
    """Escape a piece of a line, with the spaces at its ends."""
    words = escape(line)
    before, after = (" " if end == " " and words else "" for end in (line[:1], line[-1:]))
    return f"{before}{words}{after}" or " " * bool(line)


def _around(words: str) -> str:
    return words if len(words) <= 2 * AROUND else f"{words[:AROUND]} … {words[-AROUND:]}"


def _models(models: tuple[str, ...]) -> list[str]:
    if not models:
        return []
    names = ", ".join(clip(visible(name), static.MODEL) for name in models[:MODELS])
    return [f"{names} +{len(models) - MODELS}" if len(models) > MODELS else names]
