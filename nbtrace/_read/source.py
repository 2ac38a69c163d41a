"""Finds out what was given, by what is in it and not by its name, and has it read.

A path is a file, a directory of files, or a session of a journal; a name that is no path is a session's id; anything
else is a data frame. A directory is all its files together, in the order of their names; what they have twice comes
once, with its end if one of them has that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nbtrace._read import frames, mlflow, otlp, phoenix
from nbtrace._read.found import Account, Found
from nbtrace._read.graph import mended
from nbtrace._read.judgements import staying
from nbtrace._read.parquet import OURS, is_ours, of_table, read_parquet
from nbtrace._read.rows import keep
from nbtrace._store.scores import Score, encode_scores, scores_schema
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import NotFoundError, ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace._read.found import Finish, Mask
    from nbtrace._read.spans import ReadSpan
    from nbtrace._store.store import Store

HEAD: Final = 64
"""Bytes that tell a format."""

_FRAMES: Final = (
    f"{', '.join(OURS)} (nbtrace)",
    f"{', '.join(phoenix.COLUMNS)} (Phoenix)",
    "spans, or trace and trace_id (MLflow)",
)
"""The columns of data frames that are known."""

_COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK": "zip"}


class Source:
    """Reads anything.

    Args:
        finish: gives the attributes to keep of a span that was read.
        mask: gives the span to keep in place of one.
        sessions: where journals are.
    """

    def __init__(self, finish: Finish, mask: Mask, sessions: Path) -> None:
        self._finish = finish
        self._mask = mask
        self._sessions = sessions
        self._account = Account()
        self._is_masked = True
        self._earlier: Path | None = None

    def read(self, given: object) -> Found:
        """Read what was given.

        Raises:
            ReadError: nothing can be read of it.
            NotFoundError: there is no such file or session.
        """
        if isinstance(given, str | os.PathLike):
            snapshot, how = self._path(_path(given), os.fspath(given))
        else:
            snapshot, how = self._frame(given)
        whole = mended(snapshot, self._account)
        return Found(whole, how, self._account, is_masked=self._is_masked, session=self._earlier)

    def _path(self, path: Path, said: str | bytes) -> tuple[Snapshot, str]:
        try:
            if path.is_dir():
                return self._session(path) if is_session(path) else self._directory(path)
            if path.exists():
                return self._file(path)
        except (OSError, ValueError) as error:
            raise ReadError.unreadable(path, error) from error
        from nbtrace._store.sessions import find

        try:
            return self._session(find(self._sessions, os.fsdecode(said)).path)
        except (NotFoundError, ValueError):
            raise ReadError.nothing(path, self._sessions) from None

    def _session(self, path: Path) -> tuple[Snapshot, str]:
        from nbtrace._store.recovery import recover

        found, self._is_masked, self._earlier = recover(path), False, path
        self._account.left_out.update(found.problems)
        return found.snapshot(), "session"

    def _directory(self, path: Path) -> tuple[Snapshot, str]:
        import pyarrow.compute as pc

        from nbtrace._store.store import Store

        together, formats, endless = Store(), set[str](), list[Snapshot]()
        for file in sorted(_files(path)):
            try:
                snapshot, how = self._file(file)
            except ReadError as error:
                self._account.left_out[f"file: {error}"] += 1
                continue
            formats.add(how)
            has_end: Any = pc.is_valid(snapshot["duration_ns"])
            self._add(snapshot.filter(has_end), together)
            endless.append(snapshot.filter(pc.invert(has_end)).judged(scores_schema().empty_table()))
        for snapshot in endless:  # a file that was written while a span ran may come before the one that has its end
            self._add(snapshot, together)
        if not formats:
            raise ReadError.no_files(path, list(self._account.left_out))
        return together.snapshot(), " and ".join(sorted(formats))

    def _add(self, snapshot: Snapshot, together: Store) -> None:
        if twice := len(snapshot) - together.adopt(snapshot):
            self._account.left_out["span that is there twice"] += twice

    def _file(self, path: Path) -> tuple[Snapshot, str]:
        with path.open("rb") as file:
            head = file.read(HEAD)
        account = self._account
        if head[:4] == b"PAR1":
            found = read_parquet(path, account)
            if isinstance(found, Snapshot):
                self._is_masked = False
                return found, "Parquet"
            return self._frame(found, path)
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            return self._kept(otlp.read_json(path, account), path, "OTLP JSON")
        if otlp.is_protobuf(head):
            return self._kept(otlp.read_protobuf(path.read_bytes(), account), path, "OTLP")
        packed = next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), None)
        raise ReadError.unknown_file(path, head, packed)

    def _frame(self, given: Any, path: Path | None = None) -> tuple[Snapshot, str]:
        import pyarrow as pa

        what = path or type(given).__name__
        if mlflow.is_list(given):
            return self._kept(mlflow.read(given, self._account), what, "MLflow traces")
        names = frames.columns(given)
        if names is None:
            raise ReadError.kind(given)
        if is_ours(names):
            self._is_masked = False
            try:
                return of_table(frames.table(given), self._account), "spans"
            except (pa.ArrowException, TypeError, ValueError) as error:
                raise ReadError.damaged(what, "a table of spans", error) from error
        if set(phoenix.COLUMNS) <= set(names):
            return self._kept(phoenix.read(given, self._account), what, "Phoenix spans")
        if mlflow.is_frame(names):
            return self._kept(mlflow.read(given, self._account), what, "MLflow traces")
        raise ReadError.columns(what, names, _FRAMES)

    def _kept(self, spans: Iterator[ReadSpan], what: object, how: str) -> tuple[Snapshot, str]:
        """Keep spans that were read.

        Raises:
            ReadError: there is none.
        """
        import pyarrow as pa

        before = self._account.left_out.copy()
        scores: list[Score] = []

        def kept(span: ReadSpan) -> ReadSpan:
            masked = self._mask(span)
            if masked.events:
                masked.events = staying(masked, scores.append)
            return masked

        found = keep(spans, self._finish, kept)
        if not len(found):
            raise ReadError.no_spans(what, how, self._account.left_out - before)
        return found.judged(pa.Table.from_batches([encode_scores(scores)])), how


def is_session(path: Path) -> bool:
    """Say whether a directory is a journal's."""
    return any(path.glob("*.segment")) or any(path.glob("*.starts"))


def _path(given: str | os.PathLike[Any]) -> Path:
    return Path(os.path.expanduser(os.fsdecode(given)))  # noqa: PTH111 - `Path.expanduser` raises for a user that is not there


def _files(directory: Path) -> Iterator[Path]:
    """List the files of a dataset; names that begin with a dot or a line are writers' own, such as `_SUCCESS`."""
    for path in directory.rglob("*"):
        if path.is_file() and not any(part[0] in "._" for part in path.relative_to(directory).parts):
            yield path
