"""Whether an audit's file is as it was written, and if not, at which span it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from nbtrace._trail import chain
from nbtrace.errors import ReadError

if TYPE_CHECKING:
    from pathlib import Path

PIECE: Final = 1024


class Problem(NamedTuple):
    """Something that is not as it was written."""

    number: int | None
    """Of the span in the audit, from 1; none of what is wrong with the audit as a whole."""
    trace_id: str | None
    span_id: str | None
    name: str | None
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying found; true if all is as it was written."""

    spans: int
    head: str
    """As the file has it: compare it with the one that was kept elsewhere."""
    about: dict[str, Any]
    """What the audit says of itself."""
    problems: tuple[Problem, ...]

    def __bool__(self) -> bool:
        return not self.problems

    def __repr__(self) -> str:
        from nbtrace._query.text import counted
        from nbtrace._widgets.markup import visible

        if self:
            was = "is as it was" if self.spans == 1 else "are as they were"
            return f"{counted(self.spans, 'span')} {was} written; head {self.head}"
        lines = [f"{counted(len(self.problems), 'problem')} in {counted(self.spans, 'span')}:"]
        for one in self.problems:
            where = (
                "the audit" if one.number is None else f"span {one.number} ({one.span_id}, {visible(one.name or '')})"
            )
            lines.append(f"{where}: {visible(one.what)}")
        return "\n".join(lines)


def verify(path: Path, head: str | None = None) -> Verified:
    """Verify an audit's file.

    Args:
        path: the file.
        head: the one that was said when it was written, kept elsewhere.

    Raises:
        ReadError: it is not there, is no audit, or cannot be read as Parquet any more.
    """
    try:
        with pq.ParquetFile(path) as file:
            told = (file.metadata.metadata or {}).get(chain.KEY.encode())
            if told is None or chain.CHAIN not in file.schema_arrow.names:
                raise ReadError.damaged(
                    path, "an audit", "it has no chain of hashes; nbtrace.audit(...).write makes one"
                )
            own = orjson.loads(told)
            return _verified(file, own, head)
    except FileNotFoundError:
        message = f"there is no file '{path}'; check the path"
        raise ReadError(message) from None
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise ReadError.damaged(path, "an audit", error) from error


def _verified(file: pq.ParquetFile, told: dict[str, Any], head: str | None) -> Verified:
    names: list[str] = file.schema_arrow.names
    if len(set(names)) != len(names):
        what = "it has several columns of one name, and readers may show another than was verified"
        return Verified(file.metadata.num_rows, told["head"], told["about"], (Problem(None, None, None, None, what),))
    index: Any = file.read(columns=[chain.NUMBER, chain.CHAIN])
    numbers: list[int] = index[chain.NUMBER].to_pylist()
    links: list[str] = index[chain.CHAIN].to_pylist()
    chains = {0: chain.first(told["about"])} | dict(zip(numbers, links, strict=True))
    found: list[Problem] = []
    for row, number, place in zip(_rows(file), numbers, sorted(numbers), strict=True):
        said = row[chain.CONTENT]
        wrong = ["what it says was changed"] if chain.content(row) != said else []
        wrong += ["it has no number of its own"] if number < 1 else []
        wrong += [f"it is out of its place: here was span {place}"] if number != place else []
        wrong += _missing(number, chains)
        if number - 1 in chains and chain.link(chains[number - 1], number, said) != row[chain.CHAIN]:
            wrong.append("it is not bound to what was before it: its hashes, or those before it, were changed")
        where = (number, (row["trace_id"] or b"").hex(), (row["span_id"] or b"").hex(), _text(row["name"]))
        found += [Problem(*where, what) for what in wrong]
    found += [Problem(None, None, None, None, what) for what in _wrong(told, len(numbers), chains, head)]
    return Verified(len(numbers), told["head"], told["about"], tuple(found))


def _missing(number: int, chains: Mapping[int, str]) -> list[str]:
    """Say which spans are missing right before one."""
    if number < 1 or number - 1 in chains:
        return []
    first = max(known for known in chains if known < number) + 1
    return [
        f"span {first} is missing before it"
        if first == number - 1
        else f"spans {first} to {number - 1} are missing before it"
    ]


def _wrong(told: Mapping[str, Any], spans: int, chains: Mapping[int, str], head: str | None) -> Iterator[str]:
    """Say what is wrong with the audit as a whole."""
    if len(chains) != spans + 1:
        yield "spans are there twice"
    if chains[max(chains)] != told["head"]:
        yield f"its last span is not that of its head: it had {told['spans']:,} spans"
    if head is not None and head != told["head"]:
        yield f"its head is {told['head']}, and was {head}"


def _rows(file: pq.ParquetFile) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(batch_size=PIECE):
        try:
            rows = batch.to_pylist()
        except UnicodeDecodeError:  # then of a changed text, which is not to hide the others
            rows = [{name: _value(batch[name], at) for name in batch.schema.names} for at in range(len(batch))]
        yield from rows


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _value(column: Any, at: int) -> Any:
    try:
        return column[at].as_py()
    except UnicodeDecodeError:
        return {"no text": at}  # which no text is hashed as
