"""What still looks like a secret: in what a session keeps, and in the notebook's saved file, outputs above all.

What is kept was masked before, so what is found there is what no rule in force knew of at that time: personal data, a
key that became known later, a rule that was added. A notebook's outputs were never masked: they are the user's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nbtrace import _notebook, semconv
from nbtrace._query.pieces import pieces
from nbtrace._query.result import Result
from nbtrace._store.schema import COLUMNS
from nbtrace._trace.redact.audit import Suspect, Suspicion
from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot
    from nbtrace._trace.redact.rules import Rules

_ATTRIBUTES: Final = {column.name: column.attribute or column.name for column in COLUMNS} | dict.fromkeys(
    ("name", "event name", "attribute name", "resource", "scope", "trace_state"), semconv.STEP_NAME
)
"""By what name a column's text is judged: those of the second kind are no prose."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks like a secret, without the secret."""

    place: str
    """`session` or `notebook`."""
    where: str
    rule: str
    count: int
    sample: str


_FIELDS: Final = ("place", "where", "rule", "count", "sample")


class Audit(Result):
    """What was found, a row each: `place`, `where`, `rule`, `count`, `sample`; and `notes` on what was looked at."""

    __slots__ = ("notes",)

    def __init__(self, findings: Sequence[Finding], notes: Sequence[str]) -> None:
        super().__init__(_table(findings))
        self.notes = tuple(notes)
        """What was looked at, and what could not be."""

    def _lines(self) -> list[str]:
        rows = zip(*(self[name] for name in _FIELDS), strict=True)
        return [*self.notes, *(f"{where}: {rule}, {count} x, {sample}" for _, where, rule, count, sample in rows)]

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


def audit(spans: Snapshot, rules: Rules, notebook: str | None) -> Audit:
    """Look through spans and a notebook's file; see `Session.audit`."""
    rules.refresh()
    suspicion = Suspicion(rules)
    kept = list(_kept(spans, suspicion))
    found, notes = kept, [f"in what is kept of {len(spans):,} spans: {_counted(kept)}"]
    if notebook is None:
        notes.append("the notebook's file is not known here, so its outputs were not looked at; give its path")
        return Audit(found, notes)
    path = Path(notebook)
    shown = suspicion.masked(str(path))
    try:
        saved = list(_saved(_notebook.read(path), suspicion))
        then = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
        notes.append(f"in {shown} as it was saved {then}: {_counted(saved)}")
        found = kept + saved
    except NotFoundError as error:
        notes.append(f"its outputs were not looked at: {suspicion.masked(str(error))}")
    return Audit(found, notes)


def _kept(spans: Snapshot, suspicion: Suspicion) -> Iterator[Finding]:
    for piece in pieces(spans):
        suspects = suspicion.look(_ATTRIBUTES.get(piece.name, piece.name), piece.text)
        if suspects:
            row = spans.slice(piece.row, 1)
            name, own = row["name"][0].as_py(), row["span_id"][0].as_py().hex()
            more = f" and {piece.spans - 1:,} more" if piece.spans > 1 else ""
            where = f"span {own} ({suspicion.masked(name or '')}){more}, {suspicion.masked(piece.name)}"
            yield from (_finding("session", where, suspect) for suspect in suspects)


def _saved(document: dict[str, object], suspicion: Suspicion) -> Iterator[Finding]:
    for piece in _notebook.pieces(document):
        yield from (_finding("notebook", suspicion.masked(piece.where), one) for one in suspicion.look("", piece.value))


def _finding(place: str, where: str, suspect: Suspect) -> Finding:
    return Finding(place, where, suspect.rule, suspect.count, suspect.sample)


def _counted(found: Sequence[Finding]) -> str:
    count = sum(one.count for one in found)
    if not count:
        return "nothing looks like a secret"
    return "1 looks like a secret" if count == 1 else f"{count:,} look like secrets"


def _table(findings: Sequence[Finding]) -> pa.Table:
    import pyarrow as pa

    from nbtrace._store.columns import numbers, strings

    texts = {
        name: strings(pa.string(), [str(getattr(one, name)) for one in findings]) for name in _FIELDS if name != "count"
    }
    counts = numbers(pa.int64(), "q", [one.count for one in findings])
    return pa.table({name: texts.get(name, counts) for name in _FIELDS})
