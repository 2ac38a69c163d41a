"""A dataset of Parquet files of ours, of which only what is asked for is read: columns, days, groups of rows.

What the figures need comes as a table of those columns, each span once. Spans are read whole, from the groups of rows
that may have some that are wanted: by the names of directories, and by the least and the greatest value that each file
states.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbtrace._read.graph import mended
from nbtrace._read.once import IDS, firsts, overlapping
from nbtrace._read.parquet import MAX_BYTES, is_ours, sound
from nbtrace.errors import ReadError, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._read.found import Account
    from nbtrace._store.places import Place
    from nbtrace._store.snapshot import Snapshot

ENDING = ".parquet"


class Dataset:
    """The files below a place.

    Args:
        place: a directory, or a file.

    Raises:
        ReadError: no file of spans is there.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.paths = [place.path] if place.kind() == "file" else place.names(ENDING, deep=True)
        if not self.paths:
            raise ReadError.no_files(place.shown, [])

    @cached_property
    def files(self) -> Any:
        """The files as pyarrow's dataset, with the columns of today; one that a file lacks is null there."""
        import pyarrow as pa
        import pyarrow.dataset as ds

        from nbtrace._store.parquet import file_schema

        names = pa.schema([("date", pa.string()), ("session", pa.string())])
        with self._reading():
            hive = ds.partitioning(names, flavor="hive")
            found = ds.dataset(self.paths, filesystem=self.place.files, format="parquet", partitioning=hive)
            if not is_ours(found.schema.names):
                raise ReadError.columns(self.place.shown, found.schema.names, ("those of nbtrace",))
            return found.replace_schema(pa.unify_schemas([file_schema(), names]))

    @cached_property
    def shared(self) -> Any | None:
        """The files that may have a span which another one has too, as pyarrow's dataset; none if there are none."""
        with self._reading():
            return overlapping(self.files)

    def __len__(self) -> int:
        with self._reading():
            return self.files.count_rows() if self.shared is None else len(self.words_of(["span_id"]))

    def url(self) -> str:
        """Give the address of the directory, as engines of other processes read it.

        Raises:
            UsageError: only this process reaches it.
        """
        schemes = {"local": "file", "s3": "s3a", "gcs": "gs", "abfs": "abfs", "hdfs": "hdfs"}
        if (scheme := schemes.get(self.place.files.type_name)) is None:
            raise UsageError.place(self.place.shown, "only this process has that file system")
        path = self.place.path
        return f"file:///{path.lstrip('/')}" if scheme == "file" else f"{scheme}://{path}"

    def words_of(self, names: Sequence[str]) -> pa.Table:
        """Read some columns of all spans; no others are touched, but for ids where files may have the same spans."""
        with self._reading():
            if self.shared is None:
                return self.files.to_table(columns=list(names))
            spans = self.files.to_table(columns=[*dict.fromkeys([*names, *IDS])])
            return firsts(spans).select(list(names))

    def snapshot(self, account: Account, chosen: pc.Expression | None = None) -> Snapshot:
        """Read spans whole: those that an expression chooses, and others that stand with them."""
        from nbtrace._store import parquet
        from nbtrace._store.store import Store

        together = Store()
        with self._reading():
            for path, groups in self._groups(chosen):
                with self.place.files.open_input_file(path) as file:
                    found = sound(parquet.read(file, groups), [], account)
                if twice := len(found) - together.adopt(found):
                    account.left_out["span that is there twice"] += twice
        return mended(together.snapshot(), account)

    def _groups(self, chosen: pc.Expression | None) -> list[tuple[str, list[int]]]:
        """Give the files and the groups of rows in them that may have what is wanted.

        Raises:
            ReadError: they would not fit into memory.
        """
        found: list[tuple[str, list[int]]] = []
        size = 0
        for fragment in self.files.get_fragments(filter=chosen):
            part = fragment if chosen is None else fragment.subset(filter=chosen, schema=self.files.schema)
            groups = list(part.row_groups)
            size += sum(group.total_byte_size for group in groups)
            if groups:
                found.append((fragment.path, [group.id for group in groups]))
        if size > MAX_BYTES:
            raise ReadError.too_large(self.place.shown, size, MAX_BYTES)
        return found

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Say of a failure what was being read."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, OverflowError) as error:
            raise ReadError.damaged(self.place.shown, "a dataset of Parquet files", error) from error
