"""Looks into data frames of any library, without importing one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from nbtrace._store.values import stored

if TYPE_CHECKING:
    import pyarrow as pa


def columns(frame: Any) -> list[str] | None:
    """Name the columns of a data frame, and of pandas its index too; none of what is none."""
    names = getattr(frame, "column_names", None)  # pyarrow's
    if names is None:
        names = getattr(frame, "columns", None)  # of pandas, polars and DuckDB
    if names is None and hasattr(frame, "__arrow_c_stream__"):
        import pyarrow as pa

        names = pa.table(frame).column_names
    if names is None or callable(names):
        return None
    index = getattr(getattr(frame, "index", None), "name", None)
    return [*([str(index)] if index is not None else []), *(str(name) for name in cast("Iterable[object]", names))]


def table(frame: Any) -> pa.Table:
    """Give a data frame as an Arrow table, without views of texts and bytes, of which few kernels know yet.

    Attributes, events and links that are Python objects, as in `nbtrace.spans().to_pandas(full=True)`, are made lists
    again.

    Raises:
        pyarrow.ArrowException: it has a column that is none of Arrow.
    """
    import pyarrow as pa

    found = pa.table(_relisted(frame) if hasattr(frame, "iloc") else frame)
    fields = [field.with_type(_unviewed(field.type)) for field in found.schema]
    return found.cast(pa.schema(fields, metadata=cast("Any", found.schema.metadata)))


def _relisted(frame: Any) -> Any:
    made: dict[str, list[Any]] = {}
    for name in ("attributes", "events", "links"):
        values = list(frame[name]) if name in frame.columns else []
        if any(isinstance(one, Mapping) or _has_mapping(one) for one in values):
            made[name] = [_stored(one) for one in values]
    return frame.assign(**made)


def _has_mapping(given: Any) -> bool:
    """Say whether events or links have their attributes as a mapping."""
    several = cast("list[Any]", given) if isinstance(given, list) else []
    return any(isinstance(one, Mapping) and isinstance(one.get("attributes"), Mapping) for one in several)


def _stored(given: Any) -> Any:
    """Give attributes, or events or links with theirs, as rows have them."""
    if isinstance(given, Mapping):
        return [stored(str(key), value) for key, value in cast("Mapping[Any, Any]", given).items()]
    if not isinstance(given, list):
        return given
    return [
        {name: _stored(value) if name == "attributes" else _id(name, value) for name, value in one.items()}
        for one in cast("list[Mapping[str, Any]]", given)
    ]


def _id(name: str, value: Any) -> Any:
    return hex_id(value) if name in ("trace_id", "span_id") else value


def _unviewed(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_unviewed(field.type)) for field in kind])
    make = pa.list_ if pa.types.is_list(kind) else pa.large_list if pa.types.is_large_list(kind) else None
    return kind if make is None else make(kind.value_field.with_type(_unviewed(kind.value_type)))


def rows(frame: Any) -> Iterator[dict[str, Any]]:
    """Give the rows of a data frame as its library has them, because not all that pandas holds is of an Arrow type."""
    if hasattr(frame, "iloc"):
        index = frame.index.name
        frame = frame if index is None or index in frame.columns else frame.reset_index()
        yield from frame.to_dict("records")
    elif hasattr(frame, "iter_rows"):
        yield from frame.iter_rows(named=True)
    else:
        import pyarrow as pa

        for batch in pa.table(frame).to_batches(max_chunksize=1024):
            yield from batch.to_pylist()


def hex_id(given: object) -> object:
    """Read hex digits; what is none stays as it is."""
    try:
        return bytes.fromhex(given) if isinstance(given, str) else given
    except ValueError:
        return given


def nanoseconds(given: Any) -> object:
    """Give the nanoseconds since the epoch of a time; of one without a zone, as UTC. ISO 8601 is read too."""
    if type(given).__name__ == "NaTType":
        return None
    if hasattr(given, "as_unit"):  # pandas, which has more than a datetime
        return given.as_unit("ns").value
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            return given
    if isinstance(given, datetime):
        at = given if given.tzinfo is not None else given.replace(tzinfo=UTC)
        past = at - datetime(1970, 1, 1, tzinfo=UTC)
        return (past.days * 86_400 + past.seconds) * 10**9 + past.microseconds * 1000
    return given
