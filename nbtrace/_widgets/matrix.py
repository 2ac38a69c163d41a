"""A comparison as static HTML, text and Markdown: what a notebook shows where no kernel runs, and what one pastes.

The rules are those of `static`: readable without CSS, harmless for any sanitizer, at most 20 KB, and it says what it
leaves out. Variants are columns, inputs are rows, a cell is the last of its runs and the means of their figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from nbtrace._query import text
from nbtrace._query.comparison import FIGURES, Comparison, Run
from nbtrace._query.text import counted
from nbtrace._query.verdict import verdict
from nbtrace._widgets import markup
from nbtrace._widgets.markup import clip, escape, visible
from nbtrace._widgets.static import FAINT, HEAD, LEFT, SIZE, TABLE, flow, more, page

SHOWN: Final = 5
"""Columns that fit beside each other."""
SAID: Final = 220
"""Characters of an answer, divided among the columns where there are many."""
ASKED: Final = 80
SENTENCE: Final = 400
VERDICT: Final = 5_000
"""Bytes of sentences, whatever is in them."""


def html(comparison: Comparison, baseline: int = 0) -> str:
    """Draw a comparison as HTML."""
    judged = verdict(comparison, baseline)
    columns = _columns(comparison, baseline)
    heads = [f"<th {LEFT}><span {HEAD}>input</span></th>"]
    heads += [f"<th {LEFT}>{_head(comparison, column, baseline)}</th>" for column in columns]
    said = [f"<div>{escape(clip(sentence, SENTENCE))}</div>" for sentence in judged.sentences]
    said = said[: _fitting(said, VERDICT)]
    rows = [_row(comparison, row, columns) for row in range(len(comparison.inputs))]
    rows = rows[: _fitting(rows, SIZE - len("".join([*heads, *said]).encode()))]
    left_out = [
        *more(len(comparison.inputs) - len(rows), "more input"),
        *more(len(comparison.variants) - len(columns), "more variant"),
        *more(len(judged.sentences) - len(said), "more sentence"),
    ]
    below = "".join(f"<div {FAINT}>{escape(line)}</div>" for line in left_out)
    table = f"{TABLE}<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return page(clip(headline(comparison), ASKED), "".join(said) + table + below)


def _fitting(parts: Sequence[str], room: int) -> int:
    """Count the first of some parts that fit into so many bytes."""
    return sum(size <= room for size in accumulate(len(part.encode()) for part in parts))


def _row(comparison: Comparison, row: int, columns: Sequence[int]) -> str:
    cells = "".join(f"<td {LEFT}>{_cell(comparison, row, column, len(columns))}</td>" for column in columns)
    return f"<tr><td {LEFT}>{escape(clip(_asked(comparison, row), ASKED))}</td>{cells}</tr>"


def plain(comparison: Comparison, baseline: int = 0) -> str:
    """Draw a comparison as text: its sentences, and the figures of each variant."""
    judged = verdict(comparison, baseline)
    lines = [
        f"{label}{' (baseline)' * (column == baseline)}: {_means(comparison, column)}"
        for column, label in enumerate(comparison.labels)
    ]
    return "\n".join(map(visible, [headline(comparison), *judged.sentences, *lines]))


def markdown(comparison: Comparison, baseline: int = 0) -> str:
    """Write a comparison as a Markdown table, with all its inputs and whole answers."""
    judged = verdict(comparison, baseline)
    labels = comparison.labels
    marks = [f"{markup.markdown(label)}{' (baseline)' * (column == baseline)}" for column, label in enumerate(labels)]
    lines = [
        f"**{markup.markdown(headline(comparison))}**",
        "",
        *(f"- {markup.markdown(sentence)}" for sentence in judged.sentences),
        "",
    ]
    lines += [f"| input | {' | '.join(marks)} |", f"|---|{'---|' * len(marks)}"]
    for row in range(len(comparison.inputs)):
        cells = [_md_cell(comparison, row, column) for column in range(len(labels))]
        lines.append(f"| {markup.markdown(_asked(comparison, row))} | {' | '.join(cells)} |")
    means = [markup.markdown(_means(comparison, column)) for column in range(len(labels))]
    return "\n".join([*lines, f"| *means* | {' | '.join(means)} |"])


def headline(comparison: Comparison) -> str:
    """Say in one line what is compared."""
    names = ", ".join(dict.fromkeys(one.prompt for one in comparison.variants))
    parts = [names, counted(len(comparison.variants), "variant"), counted(len(comparison.inputs), "input")]
    return " · ".join([*parts, counted(len(comparison.runs), "call")])


def _columns(comparison: Comparison, baseline: int) -> list[int]:
    """Choose the columns to show: all, or the baseline and the last ones."""
    every = list(range(len(comparison.variants)))
    if len(every) <= SHOWN:
        return every
    return [baseline, *[column for column in every if column != baseline][-(SHOWN - 1) :]]


def _head(comparison: Comparison, column: int, baseline: int) -> str:
    label = f"<b>{escape(clip(comparison.labels[column], ASKED))}</b>"
    mark = f" <span {FAINT}>baseline</span>" if column == baseline else ""
    return f"{label}{mark}<br><small {FAINT}>{escape(_means(comparison, column))}</small>"


def _cell(comparison: Comparison, row: int, column: int, columns: int) -> str:
    runs = comparison.cell(row, column)
    if not runs:
        return f"<span {FAINT}>not run</span>"
    said = escape(clip(_said(runs[-1]), max(60, SAID * 2 // max(2, columns)))) or f"<span {FAINT}>no text</span>"
    return f"{said}<br><small {FAINT}>{escape(_facts(comparison, row, column))}</small>"


def _said(run: Run) -> str:
    return f"✕ {run.error}" if run.error is not None else run.output


def _facts(comparison: Comparison, row: int, column: int) -> str:
    """Word the figures of a cell."""
    runs = comparison.cell(row, column)
    known = {name: comparison.figure(row, column, name) for name in (*FIGURES, *comparison.score_names)}
    cost, seconds = known["cost_usd"], known["latency_s"]
    words = [_flow(known, runs)]
    words.append("" if cost is None else text.cost(cost, runs[-1].cost_state))
    words.append("" if seconds is None else text.duration(seconds * 1e9))
    words += _scored(comparison, known)
    words += [run.finish for run in runs[-1:] if run.finish and run.finish != "stop"]
    words += [f"{len(runs)} runs"] if len(runs) > 1 else []
    return " · ".join(word for word in words if word)


def _flow(known: Mapping[str, float | None], runs: Iterable[Run]) -> str:
    """Word tokens in and out, those of runs that report none as an estimate."""
    tokens = (known.get(name) for name in ("input_tokens", "output_tokens"))
    words = flow(*(None if one is None else round(one) for one in tokens))
    return f"~{words}" if words and any(run.usage_state == "estimated" for run in runs) else words


def _scored(comparison: Comparison, known: Mapping[str, float | None]) -> Iterator[str]:
    for name in comparison.score_names:
        if (value := known.get(name)) is not None:
            yield f"score {name} {value:.3g}"


def _means(comparison: Comparison, column: int) -> str:
    """Word the means of a variant over its inputs."""
    rows = range(len(comparison.inputs))
    runs = [run for row in rows for run in comparison.cell(row, column)]
    known = {
        name: [value for row in rows if (value := comparison.figure(row, column, name)) is not None]
        for name in (*FIGURES, *comparison.score_names)
    }
    mean = {name: sum(values) / len(values) for name, values in known.items() if values}
    tokens = _flow(mean, runs)
    words = [f"{tokens} tokens"] if tokens else []
    is_estimated = any(run.cost_state == "estimated" for run in runs)
    words.append(text.cost(mean.get("cost_usd"), "estimated" if is_estimated else None))
    words += [text.duration(mean["latency_s"] * 1e9)] if "latency_s" in mean else []
    words += _scored(comparison, mean)
    failed = sum(run.error is not None for run in runs)
    return " · ".join([*words, *([counted(failed, "error")] if failed else [])])


def _asked(comparison: Comparison, row: int) -> str:
    variables = comparison.inputs[row]
    return " · ".join(f"{name}: {value}" for name, value in variables) if len(variables) != 1 else variables[0][1]


def _md_cell(comparison: Comparison, row: int, column: int) -> str:
    runs = comparison.cell(row, column)
    if not runs:
        return "*not run*"
    facts = _facts(comparison, row, column)
    return markup.markdown(_said(runs[-1])) + (f"<br>*{markup.markdown(facts)}*" if facts else "")
