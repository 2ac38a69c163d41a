"""A diff of two recordings as it is read: in a terminal, in a pull request, in a notebook, as a data frame.

Spans that are the same are counted and not drawn. What was said is compared word by word, with a few words of what is
the same around; what is not drawn for want of room is counted. Names and texts are hostile: they are on one line, with
every character visible, and no markup of their own survives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from nbtrace._prompts.difference import TAGS, Difference, Part
from nbtrace._query import text
from nbtrace._query.text import counted
from nbtrace._query.thresholds import Threshold
from nbtrace._widgets.markup import IGNORE_MATH, clip, escape, markdown, visible

if TYPE_CHECKING:
    import pandas as pd

    from nbtrace._query.changes import Change, Changes, Fact

COUNTS: Final = ("added", "removed", "changed")
SIGNS: Final = {"added": "+", "removed": "-", "changed": "~"}
NAME: Final = 60
VALUE: Final = 80
AROUND: Final = 40
"""Characters that are the same, before and after what is not."""
MOST_SAID: Final = 400
"""Characters of one piece that was removed or added."""
ROWS: Final = 200
"""Spans in a terminal and in a pull request; a comment on GitHub holds 65,536 characters."""
SIZE: Final = 18_000
"""Bytes of spans in the HTML that a notebook keeps."""
MARKDOWN_SIZE: Final = 50_000
INDENT: Final = "\N{NO-BREAK SPACE}" * 4
INDENTS: Final = 8
"""Deeper spans stay at this indent."""
TABLE: Final = '<table cellpadding="4" style="border-collapse:collapse;margin:4px 0;font-size:12px">'

Mark = Callable[[Part], str]


class Diff:
    """What has changed between two recordings; `str(diff)` is for a terminal, and in a notebook it is drawn.

    Examples:
        >>> import nbtrace
        >>> nbtrace.diff(nbtrace.spans(), nbtrace.spans())
        <nbtrace diff: 0 spans → 0 spans: 0 added, 0 removed, 0 changed, 0 the same>
    """

    __slots__ = ("changes",)

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        """The data: `spans`, each with its `kind`, `facts` and `texts`, and `figures`."""

    @property
    def counts(self) -> dict[str, int]:
        """How many spans were `added`, `removed`, `changed`, and are the `same`."""
        return self.changes.counts

    @property
    def summary(self) -> str:
        """What has changed, in one line."""
        spans = self.changes.figures[0]
        told = ", ".join(f"{number:,} {'the same' if name == 'same' else name}" for name, number in self.counts.items())
        return f"{counted(spans.before, 'span')} → {counted(spans.after, 'span')}: {told}"

    def __bool__(self) -> bool:
        return any(self.counts[name] for name in COUNTS)

    def broken(self, *thresholds: str) -> list[str]:
        """Say which thresholds are broken, each with the figures that break it.

        Args:
            *thresholds: such as `"added"`, `"cost > +10%"` (its growth), `"error_rate > 2%"` (as it is now),
                `"score.correct < -0.1"`. The figures are `added`, `removed`, `changed`, those of `changes.figures`,
                and for short `cost` and `latency` (its 95th percentile). One that is not known is broken.

        Raises:
            UsageError: a threshold is none, or of a figure that there is not.
        """
        from nbtrace._query.changes import Fact

        facts = {one.name: one for one in self.changes.figures}
        facts |= {name: Fact(name, 0, self.counts[name]) for name in COUNTS}
        figures = [name for name in facts if name not in COUNTS]
        asked = [Threshold.of(said, figures=figures, counts=COUNTS) for said in thresholds]
        return [said for one in asked if (said := one.broken(facts))]

    def to_pandas(self) -> pd.DataFrame:
        """Give what has changed as a data frame: a row for each field of a changed span, one for an added or removed.

        Its columns are `change`, `name`, `type`, `before_span_id`, `after_span_id`, `field`, `before` and `after`.
        """
        import pandas as pd

        names = ("change", "name", "type", "before_span_id", "after_span_id", "field", "before", "after")
        rows = [
            (one.kind, one.name, one.type, one.before, one.after, *fact)
            for one in self.changes.spans
            if one.kind != "same"
            for fact in ((*one.facts, *one.texts) or ((None, None, None),))
        ]
        return pd.DataFrame(rows, columns=list(names), dtype=object)

    def to_markdown(self) -> str:
        """Write it for a pull request."""
        lines = [f"**{self.summary}**", "", "| | before | after | |", "|---|--:|--:|--:|"]
        lines += [f"| {' | '.join(map(markdown, row))} |" for row in self._figures()]
        lines.append("")
        return "\n".join([*lines, *self._spans(_markdown, MARKDOWN_SIZE, lambda line: f"- {markdown(line)}")])

    def to_html(self) -> str:
        """Write it as a page of its own, which has no script and loads nothing."""
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>nbtrace diff</title>'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}"></head>'
            f'<body style="font:13px/20px system-ui,sans-serif">{self._html(None)}</body></html>'
        )

    def as_dict(self) -> dict[str, Any]:
        """Give counts, figures and the spans that are not the same as plain values."""
        figures = {one.name: {"before": one.before, "after": one.after} for one in self.changes.figures}
        spans = [
            asdict(one)
            | {name: [fact._asdict() for fact in getattr(one, name)] for name in ("facts", "texts")}
            | {"times": one.times._asdict()}
            for one in self.changes.spans
            if one.kind != "same"
        ]
        return {"counts": self.counts, "figures": figures, "spans": spans}

    def __str__(self) -> str:
        rows = [("", "before", "after", ""), *self._figures()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]
        return "\n".join([self.summary, *(line.rstrip() for line in lines), *self._spans(_text, None, str)])

    def __repr__(self) -> str:
        return f"<nbtrace diff: {self.summary}>"

    def _repr_html_(self) -> str:
        return self._html(SIZE)

    def _html(self, size: int | None) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("", "before", "after", ""))
        cells = (f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self._figures())
        spans = "".join(self._spans(_html, size, lambda line: f"<div>{escape(line)}</div>"))
        table = f"{TABLE}<thead><tr>{head}</tr></thead><tbody>{''.join(cells)}</tbody></table>"
        return f'<div class="{IGNORE_MATH}"><div style="padding:4px 0">{escape(self.summary)}</div>{table}{spans}</div>'

    def _figures(self) -> Iterator[tuple[str, str, str, str]]:
        for one in self.changes.figures:
            yield visible(one.name), text.figure(one.name, one.before), text.figure(one.name, one.after), _growth(one)

    def _spans(self, draw: Callable[[Change], str], size: int | None, say: Callable[[str], str]) -> Iterator[str]:
        """Draw the spans that are not the same, as many as there is room for."""
        different = [one for one in self.changes.spans if one.kind != "same"]
        drawn = used = 0
        for one in different[:ROWS]:
            line = draw(one)
            used += len(line.encode("utf-8", "replace"))
            if size is not None and used > size:
                break
            yield line
            drawn += 1
        if drawn < len(different):
            yield say(f"… {counted(len(different) - drawn, 'more span')} that are not the same")


def _text(one: Change) -> str:
    indent = "  " * one.depth
    lines = [f"{indent}{SIGNS[one.kind]} {_title(one)}"]
    lines += [f"{indent}    {visible(fact)}" for fact in _facts(one)]
    lines += [f"{indent}    {fact.name}: {visible(_said(fact, _wdiff))}" for fact in one.texts]
    return "\n".join(lines)


def _markdown(one: Change) -> str:
    """Write an item of a list; not below its parent, which may be the same and not be there."""
    lines = [f"- **{one.kind}** {markdown(_title(one))}"]
    lines += [f"  - {markdown(fact)}" for fact in _facts(one)]
    lines += [f"  - {markdown(fact.name)}: {_said(fact, _tagged_md)}" for fact in one.texts]
    return "\n".join(lines)


def _html(one: Change) -> str:
    indent = INDENT * min(one.depth, INDENTS)
    lines = [f"{indent}<b>{SIGNS[one.kind]} {escape(_title(one))}</b>"]
    lines += [f"{indent}{INDENT}{escape(fact)}" for fact in _facts(one)]
    lines += [f"{indent}{INDENT}{escape(fact.name)}: {_said(fact, _tagged)}" for fact in one.texts]
    return f"<div>{'<br>'.join(lines)}</div>"


def _title(one: Change) -> str:
    title = f"{clip(visible(one.name), NAME)} ({one.type})"
    before, after = one.times.before, one.times.after
    if one.kind == "changed":
        return f"{title} · {text.duration(before)} → {text.duration(after)}"
    return f"{title} · {text.duration(before if one.kind == 'removed' else after)}"


def _facts(one: Change) -> Iterator[str]:
    for fact in one.facts:
        growth = _growth(fact)
        before, after = (clip(visible(text.figure(fact.name, value)), VALUE) for value in fact[1:])
        yield f"{visible(fact.name)}: {before} → {after}{f' ({growth})' if growth else ''}"


def _growth(fact: Fact) -> str:
    """Say by what share a number has grown."""
    before, after = fact.before, fact.after
    are_numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (before, after))
    if not are_numbers or not before or before == after or fact.name.endswith("_rate"):
        return ""
    return f"{(after - before) / abs(before):+.0%}"


def _said(fact: Fact, mark: Mark) -> str:
    return "".join(mark(part) for part in _around(Difference("", fact.before or "", fact.after or "").parts))


def _around(parts: Sequence[Part]) -> Iterator[Part]:
    """Leave out what is far from any change, and the middle of what is long."""
    for index, part in enumerate(parts):
        most = AROUND * 2 if part.kind == "same" else MOST_SAID
        if len(part.text) <= most:
            yield part
            continue
        head = 0 if part.kind == "same" and index == 0 else most // 2
        tail = 0 if part.kind == "same" and index == len(parts) - 1 else most // 2
        left = f" […{len(part.text) - head - tail:,}…] "
        yield Part(part.kind, part.text[:head] + left + part.text[len(part.text) - tail :])


def _wdiff(part: Part) -> str:
    marks = {"removed": ("[-", "-]"), "added": ("{+", "+}"), "same": ("", "")}[part.kind]
    return marks[0] + part.text + marks[1]


def _edged(words: str, escaped: Callable[[str], str]) -> str:
    """Escape a piece of a line; the spaces at its ends are of the line."""
    if not words.strip():
        return " "
    return f"{' ' * words[0].isspace()}{escaped(words)}{' ' * words[-1].isspace()}"


def _tagged(part: Part) -> str:
    return TAGS[part.kind][0] + _edged(part.text, escape) + TAGS[part.kind][1]


def _tagged_md(part: Part) -> str:
    tag = {"removed": "del", "added": "ins", "same": ""}[part.kind]
    said = _edged(part.text, markdown)
    return f"<{tag}>{said}</{tag}>" if tag else said
