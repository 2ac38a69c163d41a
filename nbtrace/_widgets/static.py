"""The tree of spans as static HTML and as text: what a notebook shows where no kernel runs.

The HTML must read well with no CSS at all (GitHub strips it), pass JupyterLab's sanitizer for untrusted notebooks
unharmed (no svg, style, script, ARIA; whitelisted inline styles only), and stay small, since it is saved with the
notebook: thirty rows and 20 KB at most, and it says how many more spans there are. Bars are box-drawing characters.
Both pictures are pure functions of a tree table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import text
from nbtrace._query.kinds import CALL_TYPES
from nbtrace._widgets.markup import IGNORE_MATH, clip, escape, visible

if TYPE_CHECKING:
    import pyarrow as pa

ROWS: Final = 30
SIZE: Final = 18_900
"""Bytes of rows, whatever is in them; the rest of the HTML is within another 1,100."""
NAME: Final = 60
MODEL: Final = 40
PREVIEW: Final = 72
INDENTS: Final = 12
"""Deeper rows stay at this indent: the name must have room."""
BAR: Final = 16
"""Characters in a full bar."""
NBSP: Final = "\N{NO-BREAK SPACE}"
COLUMNS: Final = (
    "depth", "name", "type", "model", "start_ms", "duration_ms", "input_tokens", "output_tokens", "cost_usd", "flags",
    "error_type", "refusal", "title", "summary",
)  # fmt: skip
REFUSALS: Final = {"model": "by the model", "content_filter": "by a filter", "prompt": "by a filter of the prompt"}

LEFT: Final = 'align="left" style="text-align:left;vertical-align:top"'
RIGHT: Final = 'align="right" style="text-align:right;vertical-align:top"'
FAINT: Final = 'style="opacity:.6"'
HEAD: Final = 'style="opacity:.6;font-weight:normal"'
LINE: Final = 'style="background:none;padding:0;opacity:.7"'
FOLD: Final = "font-size:12px;margin:0"
TABLE: Final = '<table cellpadding="4" style="border-collapse:collapse;margin:4px 0;font-size:12px">'


def tree_html(tree: pa.Table) -> str:
    """Draw a tree table as HTML.

    Args:
        tree: What `nbtrace._query.tree.tree` returns.
    """
    return page(headline(tree), table_html(tree) if len(tree) else "")


def page(line: str, table: str) -> str:
    """Put a line above a table."""
    return f'<div class="{IGNORE_MATH}"><div style="padding:4px 0">{escape(line)}</div>{table}</div>'


def folded(line: str, inside: str, look: str = "") -> str:
    """Fold HTML below a line of HTML that opens to it; `look` is how the line is styled besides."""
    return (
        f'<details class="{IGNORE_MATH}" style="{FOLD}"><summary style="{look}cursor:pointer">{line}</summary>'
        f'<div style="padding:4px 0 4px 16px">{inside}</div></details>'
    )


def tree_text(tree: pa.Table, most: int = ROWS) -> str:
    """Draw a tree table as text, for terminals, diffs, and whoever reads a notebook as a file.

    Args:
        tree: What `nbtrace._query.tree.tree` returns.
        most: How many rows to draw; the text says how many more there are.
    """
    rows = _rows(tree, most)
    return "\n".join([headline(tree), *row_lines(rows), *more(len(tree) - len(rows), "more span")])


def row_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Draw rows as lines of text, their figures below each other."""
    names = [f"{stem}{clip(visible(row['name']), NAME)}" for stem, row in zip(_stems(rows), rows, strict=True)]
    facts = [[name, *_facts(row)] for name, row in zip(names, rows, strict=True)]
    widths = [max(map(len, column), default=0) for column in zip(*facts, strict=True)]
    lines: list[str] = []
    for row, (name, *rest) in zip(rows, facts, strict=True):
        line = "  ".join(
            [name.ljust(widths[0]), *(fact.rjust(width) for fact, width in zip(rest, widths[1:], strict=True))]
        )
        quoted = [f"“{clip(visible(row['summary']), PREVIEW)}”"] if row["summary"] else []
        notes = [*_error(row), *_refusal(row), *quoted]
        lines.append("  ".join([line, *notes]).rstrip())
    return lines


def headline(tree: pa.Table) -> str:
    """Say in one line what a tree holds."""
    from nbtrace._query.branch import branch

    whole = branch(tree, 0, len(tree))
    parts = [text.counted(whole.spans, "span")]
    parts += [text.counted(whole.calls, "LLM call")] if whole.calls else []
    parts += [_time(whole.end_ms - _origin(tree)[1])] if whole.spans else []
    tokens = flow(whole.input_tokens, whole.output_tokens)
    parts += [f"{tokens} tokens"] if tokens else []
    parts += money(whole.cost_usd, unpriced=whole.unpriced, estimated=whole.estimated)
    parts += [text.counted(whole.errors, "error")] if whole.errors else []
    parts += [f"{whole.running} running"] if whole.running else []
    parts += [f"{whole.unfinished} unfinished"] if whole.unfinished else []
    parts += [f"{whole.interrupted} interrupted"] if whole.interrupted else []
    return " · ".join(parts)


def table_html(tree: pa.Table, room: int = SIZE) -> str:
    """Draw the rows of a tree table as an HTML table, as many as fit into so many bytes."""
    return rows_html(_rows(tree), _end(tree), len(tree), "more span", room)


def rows_html(rows: list[dict[str, Any]], end: float, of: int, noun: str, room: int = SIZE) -> str:
    """Draw rows as an HTML table that says how many of all of them it leaves out."""
    head = "".join(f"<th {side}><span {HEAD}>{title}</span></th>" for side, title in _titles(end))
    body: list[str] = []
    size = 0
    for row in rows:
        line = _row_html(row, end)
        size += len(line.encode())
        if size > room:
            break
        body.append(line)
    rest = (f'<tr><td {LEFT} colspan="5"><span {FAINT}>{line}</span></td></tr>' for line in more(of - len(body), noun))
    return f"{TABLE}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}{''.join(rest)}</tbody></table>"


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


def _rows(tree: pa.Table, most: int = ROWS) -> list[dict[str, Any]]:
    """Read the first rows, with depth and times counted from where this tree begins: it may be a branch of another."""
    from nbtrace._query.branch import branch, end_of

    depth, start = _origin(tree)
    rows = tree.select(COLUMNS).slice(0, most).to_pylist()
    for index, row in enumerate(rows):
        row["branch"] = below = branch(tree, index, end_of(tree, index))
        row["summary"] = row["summary"] or row["title"]
        row["depth"] -= depth
        row["start_ms"] = max(0.0, (row["start_ms"] or 0.0) - start)
        row["end_ms"] = max(0.0, below.end_ms - start)
    return rows


def _origin(tree: pa.Table) -> tuple[int, float]:
    import pyarrow.compute as pc

    return pc.min(tree["depth"]).as_py() or 0, pc.min(tree["start_ms"]).as_py() or 0.0


def _end(tree: pa.Table) -> float:
    """Measure the time axis, in milliseconds."""
    from nbtrace._query.branch import branch

    return branch(tree, 0, len(tree)).end_ms - _origin(tree)[1]


def _titles(end: float) -> list[tuple[str, str]]:
    return [
        (LEFT, "span"),
        (RIGHT, "time"),
        (RIGHT, "tokens"),
        (RIGHT, "cost"),
        (LEFT, f"over {_time(end)}" if end else ""),
    ]


def _row_html(row: dict[str, Any], end: float) -> str:
    indent = NBSP * 4 * min(row["depth"], INDENTS)
    name = escape(clip(row["name"], NAME))
    label = indent + (f"<b>{name}</b>" if row["depth"] == 0 else name)
    if row["model"] and row["model"] not in row["name"]:
        label += f" <span {FAINT}>{escape(clip(row['model'], MODEL))}</span>"
    label += "".join(f" <b>{escape(words)}</b>" for words in _error(row))
    label += "".join(f" <span {FAINT}>{escape(words)}</span>" for words in _refusal(row))
    if row["summary"]:
        label += f"<br>{indent}<small {FAINT}>{escape(clip(row['summary'], PREVIEW))}</small>"
    facts = "".join(f"<td {RIGHT}>{escape(fact).replace(' ', NBSP)}</td>" for fact in _facts(row))
    line = bar(row["start_ms"], end if row["duration_ms"] is None else row["end_ms"], end)
    return f"<tr><td {LEFT}>{label}</td>{facts}<td {LEFT}><code {LINE}>{line}</code></td></tr>"


def _facts(row: dict[str, Any]) -> tuple[str, str, str]:
    """Word a row's time, tokens and cost; a parent's tokens and cost are marked as sums."""
    from nbtrace._query.tree import ESTIMATED_COST, ESTIMATED_USAGE, INTERRUPTED, REPLAYED, UNFINISHED, UNPRICED

    not_ended = "unfinished" if row["flags"] & UNFINISHED else "running"
    not_ended = "interrupted" if row["flags"] & INTERRUPTED else not_ended
    duration = not_ended if row["duration_ms"] is None else _time(row["duration_ms"])
    if row["type"] in CALL_TYPES:
        tokens = flow(_whole(row["input_tokens"]), _whole(row["output_tokens"]))
        about = "~" if tokens and row["flags"] & ESTIMATED_USAGE else ""
        known = row["cost_usd"] is not None or row["flags"] & (UNPRICED | REPLAYED)
        state = text.REPLAYED if row["flags"] & REPLAYED else "estimated" if row["flags"] & ESTIMATED_COST else None
        return duration, about + tokens, text.cost(row["cost_usd"], state) if known else ""
    below = row["branch"]
    tokens = flow(below.input_tokens, below.output_tokens)
    usd = below.cost_usd
    cost = "" if usd is None else text.cost(usd, "estimated" if below.estimated else "priced")
    return duration, f"∑ {tokens}" if tokens else "", f"∑ {cost}" if cost else ""


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _error(row: dict[str, Any]) -> list[str]:
    from nbtrace._query.tree import ERROR

    return [f"✕ {clip(visible(row['error_type'] or 'error'), MODEL)}"] if row["flags"] & ERROR else []


def _refusal(row: dict[str, Any]) -> list[str]:
    return [f"⊘ refused ({REFUSALS.get(row['refusal'], visible(row['refusal']))})"] if row["refusal"] else []


def more(number: int, noun: str) -> list[str]:
    """Say how many are left out, if any are."""
    return [f"… {text.counted(number, noun)}"] if number > 0 else []


def _time(ms: float) -> str:
    return text.duration(round(ms * 1e6))


def bar(start: float, stop: float, end: float) -> str:
    """Draw a span's time as a line, to half a character, and never as nothing."""
    end = end or 1.0
    first = min(int(start / end * BAR * 2), BAR * 2 - 1)
    last = max(first + 1, min(round(stop / end * BAR * 2), BAR * 2))
    if first % 2 and last == first + 1:
        return NBSP * (first // 2) + "╺"
    ends = ("╺" if first % 2 else "", "╸" if last % 2 else "")
    return NBSP * (first // 2) + ends[0] + "━" * (last // 2 - (first + 1) // 2) + ends[1]


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
