"""Hands a dataset to an engine that computes where the data is: DuckDB on this machine, PySpark on many.

A span that several files have is one span, that of the first of them. The engine groups ids to find such spans, which
takes no order, and only where files overlap in time; only what it finds is put in an order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from nbtrace._query.result import duckdb
from nbtrace._store.places import UNKNOWN
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    import pyarrow as pa

IDS: Final = ("trace_id", "span_id")
PLACE: Final = ("date", "session")
"""Columns that a dataset has of the names of its directories, in whose order its files are read."""
EXPECTED: Final = "'duckdb', a connection of DuckDB's, or a session of PySpark's"


@runtime_checkable
class Scannable(Protocol):
    """Files of spans that an engine can read by itself."""

    @property
    def files(self) -> Any:
        """The files as pyarrow's dataset."""
        ...

    @property
    def shared(self) -> Any | None:
        """Those of them that may have spans which others have too, if there are any."""
        ...

    def url(self) -> str:
        """Give the address of their directory, for an engine of other processes.

        Raises:
            UsageError: only this process reaches it.
        """
        ...


def scanned(spans: object, engine: Any) -> Any:
    """Give a dataset as a data frame of an engine, which has read nothing yet.

    Args:
        spans: what `nbtrace.open` gave of a dataset.
        engine: as `EXPECTED` says.

    Raises:
        UsageError: it is no dataset, no known engine, or one that does not reach the files.
    """
    if not isinstance(spans, Scannable):
        raise UsageError.argument("engine", "none: only a dataset is computed by another engine", engine)
    module = type(engine).__module__.partition(".")[0].lstrip("_")
    if module == "pyspark":
        frame = engine.read.parquet(spans.url())
        return frame if spans.shared is None else _once(frame, frame, _checkpointed)
    if engine == "duckdb":
        engine, module = duckdb("engine='duckdb'").connect(), "duckdb"
    if module == "duckdb":
        frame, shared = engine.from_arrow(spans.files), spans.shared
        return frame if shared is None else _once(frame, engine.from_arrow(shared), _registered(engine))
    raise UsageError.argument("engine", EXPECTED, engine)


def llm_calls(frame: Any, columns: Container[str]) -> Any:
    """Take those of some columns that a frame has, of its LLM calls."""
    import narwhals.stable.v2 as nw

    from nbtrace._query.aggregate import kind_of

    spans = nw.from_native(frame)
    schema = spans.collect_schema()
    chosen = [name for name in schema if name in columns]
    return spans.filter(kind_of(schema) == "llm").select(*chosen).to_native()


def batches(relation: Any, rows: int) -> Iterator[pa.RecordBatch]:
    """Read a relation of DuckDB's, so many rows at a time."""
    reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch  # its name before 2
    yield from reader(rows)


def collected(frame: Any) -> pa.Table:
    """Compute a frame."""
    import narwhals.stable.v2 as nw

    return nw.from_native(frame).collect("pyarrow").to_native()


def _once(frame: Any, among: Any, settle: Callable[[Any], tuple[Any, bool]]) -> Any:
    """Give each span once.

    Args:
        frame: the spans.
        among: those of the files that may have spans in common.
        settle: computes a frame, which is used several times, and says whether it has any rows.
    """
    import narwhals.stable.v2 as nw

    grouped = nw.from_native(among).group_by(*IDS).agg(nw.len().alias("rows"))
    twice, is_any = settle(grouped.filter(nw.col("rows") > 1).select(*IDS).to_native())
    if not is_any:
        return frame
    spans, several = nw.from_native(frame), nw.from_native(twice)
    alone = spans.join(several, on=list(IDS), how="anti")
    place = [nw.col(name).cast(nw.String).fill_null(UNKNOWN) for name in PLACE]
    placed = spans.join(several, on=list(IDS), how="semi").with_columns(nw.concat_str(*place).alias("place"))
    first = placed.filter(nw.col("place") == nw.col("place").min().over(*IDS)).unique([*IDS], keep="any").drop("place")
    return nw.concat([alone, first]).to_native()


def _registered(connection: Any) -> Callable[[Any], tuple[Any, bool]]:
    def settle(frame: Any) -> tuple[Any, bool]:
        found = collected(frame)
        return connection.from_arrow(found), bool(len(found))

    return settle


def _checkpointed(frame: Any) -> tuple[Any, bool]:
    kept = frame.localCheckpoint()
    return kept, not kept.isEmpty()
