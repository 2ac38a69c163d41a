"""The tree of spans as static HTML and as text: what a notebook shows where no kernel runs.

The HTML must read well with no CSS at all (GitHub strips it), pass JupyterLab's sanitizer for untrusted notebooks
unharmed (no svg, style, script, ARIA; whitelisted inline styles only), and stay small, since it is saved with the
notebook: thirty rows at most, and it says how many more there are. Bars are made of block characters.
Both are pure functions of a tree table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import text
from nbtrace._widgets.markup import IGNORE_MATH, clip, escape, visible

if TYPE_CHECKING:
    import pyarrow as pa

ROWS: Final = 30
"""With the longest names and previews this keeps the HTML under 20 KB."""
NAME: Final = 60
MODEL: Final = 40
PREVIEW: Final = 90
INDENTS: Final = 12
"""Deeper rows stay at this indent: the name must have room."""
BAR: Final = 16
"""Characters in a full bar."""
EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
COLUMNS: Final = (
    "depth", "name", "type", "model", "start_ms", "duration_ms", "input_tokens", "output_tokens", "cost_usd", "cost_state",
    "usage_state", "error", "error_type", "summary", "sum_calls", "sum_input_tokens", "sum_output_tokens", "sum_cost_usd",
    "sum_unpriced", "sum_estimated", "sum_errors", "end_ms",
)  # fmt: skip
CALLS: Final = ("llm", "embedding")

CELL: Final = "padding:2px 12px 2px 0;border:none;vertical-align:top"
LEFT: Final = f'align="left" style="{CELL};text-align:left"'
RIGHT: Final = f'align="right" style="{CELL};text-align:right;white-space:nowrap"'
HEAD: Final = "font-weight:normal;opacity:.6"
FAINT: Final = 'style="opacity:.6"'
BLOCKS: Final = 'style="background:none;padding:0;opacity:.55;white-space:nowrap"'


def tree_html(tree: pa.Table) -> str:
    """Draw a tree table as HTML.

    Args:
        tree: What `nbtrace._query.tree.tree` returns.
    """
    return (
        f'<div class="{IGNORE_MATH}"><div style="padding:4px 0">{escape(headline(tree))}</div>{table_html(tree)}</div>'
    )


def tree_text(tree: pa.Table) -> str:
    """Draw a tree table as text, for terminals, diffs, and whoever reads a notebook as a file."""
    rows = _rows(tree)
    names = [f"{stem}{clip(visible(row['name']), NAME)}" for stem, row in zip(_stems(rows), rows, strict=True)]
    facts = [[name, *_facts(row)] for name, row in zip(names, rows, strict=True)]
    widths = [max(map(len, column), default=0) for column in zip(*facts, strict=True)]
    lines = [headline(tree)]
    for row, (name, *rest) in zip(rows, facts, strict=True):
        line = "  ".join(
            [name.ljust(widths[0]), *(fact.rjust(width) for fact, width in zip(rest, widths[1:], strict=True))]
        )
        notes = [*_error(row), *(f"“{clip(visible(row['summary']), PREVIEW)}”" for _ in [0] if row["summary"])]
        lines.append("  ".join([line, *notes]).rstrip())
    return "\n".join([*lines, *_more(tree)])


def headline(tree: pa.Table) -> str:
    """Say in one line what a tree holds."""
    rows = tree.select(COLUMNS)
    roots = [row for row in rows.filter(_is_root(tree)).to_pylist()]
    calls = _sum(roots, "sum_calls") or 0
    unpriced = _sum(roots, "sum_unpriced") or 0
    estimated = _sum(roots, "sum_estimated") or 0
    errors = _sum(roots, "sum_errors") or 0
    running = tree["duration_ms"].null_count
    parts = [counted(len(tree), "span")]
    if calls:
        parts.append(counted(calls, "LLM call"))
    if roots:
        parts.append(_time(max(row["end_ms"] for row in roots) - min(row["start_ms"] for row in roots)))
    tokens = flow(_sum(roots, "sum_input_tokens"), _sum(roots, "sum_output_tokens"))
    parts += [f"{tokens} tokens"] if tokens else []
    parts += money(_sum(roots, "sum_cost_usd"), unpriced=unpriced, estimated=estimated)
    parts += [counted(errors, "error")] if errors else []
    parts += [f"{running} running"] if running else []
    return " · ".join(parts)


def table_html(tree: pa.Table) -> str:
    """Draw the rows of a tree table as an HTML table."""
    rows = _rows(tree)
    end = max((row["end_ms"] for row in rows), default=0.0) or 1.0
    head = "".join(f'<th {side}><span style="{HEAD}">{title}</span></th>' for side, title in _titles(end))
    body = "".join(_row_html(row, end) for row in rows)
    more = "".join(f'<tr><td {LEFT} colspan="5"><span {FAINT}>{line}</span></td></tr>' for line in _more(tree))
    return (
        '<table style="border-collapse:collapse;margin:4px 0;font-size:12px;table-layout:auto">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody></table>"
    )


def counted(number: int, noun: str) -> str:
    """Count a noun: `1 span`, `2 spans`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def flow(tokens_in: int | None, tokens_out: int | None) -> str:
    """Word a number of tokens in and out; nothing if neither is known."""
    if tokens_in is None and tokens_out is None:
        return ""
    return " → ".join("?" if number is None else text.tokens(number) for number in (tokens_in, tokens_out))


def money(usd: float | None, *, unpriced: int, estimated: int) -> list[str]:
    """Word what calls cost, without ever passing an unknown price off as none."""
    if usd is None:
        return [text.UNPRICED] if unpriced else []
    words = text.cost(usd, "estimated" if estimated else "priced")
    return [words, f"{unpriced} {text.UNPRICED}"] if unpriced else [words]


def _rows(tree: pa.Table) -> list[dict[str, Any]]:
    return tree.select(COLUMNS).slice(0, ROWS).to_pylist()


def _is_root(tree: pa.Table) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.equal(tree["depth"], 0)


def _sum(rows: Sequence[dict[str, Any]], column: str) -> Any:
    known = [row[column] for row in rows if row[column] is not None]
    return sum(known) if known else None


def _titles(end: float) -> list[tuple[str, str]]:
    return [(LEFT, "span"), (RIGHT, "time"), (RIGHT, "tokens"), (RIGHT, "cost"), (LEFT, f"0 – {_time(end)}")]


def _row_html(row: dict[str, Any], end: float) -> str:
    name = f"<b>{escape(clip(row['name'], NAME))}</b>" if row["depth"] == 0 else escape(clip(row["name"], NAME))
    model = row["model"] if row["model"] and row["model"] not in row["name"] else None
    label = "&nbsp;" * 4 * min(row["depth"], INDENTS) + name
    label += f" <span {FAINT}>{escape(clip(model, MODEL))}</span>" if model else ""
    label += "".join(f" <b>{escape(words)}</b>" for words in _error(row))
    if row["summary"]:
        indent = "&nbsp;" * 4 * min(row["depth"], INDENTS)
        label += f"<br>{indent}<small {FAINT}>{escape(clip(row['summary'], PREVIEW))}</small>"
    facts = "".join(f"<td {RIGHT}>{escape(fact)}</td>" for fact in _facts(row))
    bar = _bar(row["start_ms"], row["end_ms"], end)
    return f"<tr><td {LEFT}>{label}</td>{facts}<td {LEFT}><code {BLOCKS}>{bar}</code></td></tr>"


def _facts(row: dict[str, Any]) -> tuple[str, str, str]:
    """Word a row's time, tokens and cost; a parent's tokens and cost are marked as sums."""
    duration = "running" if row["duration_ms"] is None else _time(row["duration_ms"])
    if row["type"] in CALLS:
        tokens = flow(row["input_tokens"], row["output_tokens"])
        about = "~" if tokens and row["usage_state"] == "estimated" else ""
        known = row["cost_usd"] is not None or row["sum_unpriced"]
        cost = text.cost(row["cost_usd"], row["cost_state"]) if known else ""
        return duration, about + tokens, cost
    tokens = flow(row["sum_input_tokens"], row["sum_output_tokens"])
    cost = (
        text.cost(row["sum_cost_usd"], "estimated" if row["sum_estimated"] else "priced")
        if row["sum_cost_usd"] is not None
        else ""
    )
    return duration, f"∑ {tokens}" if tokens else "", f"∑ {cost}" if cost else ""


def _error(row: dict[str, Any]) -> list[str]:
    return [f"✕ {clip(visible(row['error_type'] or 'error'), MODEL)}"] if row["error"] else []


def _more(tree: pa.Table) -> list[str]:
    return [f"… {counted(len(tree) - ROWS, 'more span')}"] if len(tree) > ROWS else []


def _time(ms: float) -> str:
    return text.duration(round(ms * 1e6))


def _bar(start: float, stop: float, end: float) -> str:
    """Draw a span's time as block characters, to the eighth at its right edge, and never as nothing."""
    before = min(int(start / end * BAR), BAR - 1)
    eighths = max(1, min(round(stop / end * BAR * 8), BAR * 8) - before * 8)
    return "&nbsp;" * before + "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _stems(rows: list[dict[str, Any]]) -> list[str]:
    """Draw the lines that tie each row of a depth-first listing to its parent."""
    stems: list[str] = []
    open_depths: set[int] = set()
    for row in reversed(rows):
        depth = row["depth"]
        branch = "├─ " if depth in open_depths else "└─ "
        stem = "".join("│  " if level in open_depths else "   " for level in range(1, min(depth, INDENTS)))
        stems.append(stem + branch if depth else "")
        open_depths = {level for level in open_depths if level < depth} | {depth}
    return stems[::-1]
