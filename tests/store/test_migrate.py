"""What an earlier nbtrace wrote is read as if it had been written today.

`version-1.parquet` is what `export` wrote at commit 683db25, the last of schema version 1: an agent with a retrieval, a
call that was rate limited and tried again, a stream, and a call that failed, the first four with tags.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbtrace._store.migrate import upgraded
from nbtrace._store.schema import COLUMNS, schema
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import UnsupportedVersionError

OLD = Path(__file__).parents[1] / "fixtures" / "version-1.parquet"
MOVED = {
    "nbtrace.refusal": "refusal",
    "nbtrace.stream.outcome": "stream_outcome",
    "nbtrace.attempts": "attempts",
    "nbtrace.attempts.rate_limited": "rate_limited_s",
    "nbtrace.tags": "tags",
}
TAGS = ["draft", "Entwurf ü"]


def test_version_1_gets_its_columns_and_loses_nothing() -> None:
    old = pq.read_table(OLD)
    assert old.schema.metadata == {b"nbtrace.schema_version": b"1"}
    new = Snapshot.of(old).table()
    assert new.schema.equals(schema(), check_metadata=True)
    assert new.select(list(MOVED.values())).to_pylist() == [
        {"refusal": None, "stream_outcome": None, "attempts": None, "rate_limited_s": None, "tags": TAGS},
        {"refusal": None, "stream_outcome": None, "attempts": None, "rate_limited_s": None, "tags": TAGS},
        {"refusal": None, "stream_outcome": None, "attempts": None, "rate_limited_s": None, "tags": TAGS},
        {"refusal": None, "stream_outcome": None, "attempts": 2, "rate_limited_s": 0.001114339, "tags": TAGS},
        {"refusal": None, "stream_outcome": "exhausted", "attempts": None, "rate_limited_s": None, "tags": TAGS},
        {"refusal": None, "stream_outcome": None, "attempts": None, "rate_limited_s": None, "tags": TAGS},
        {"refusal": None, "stream_outcome": None, "attempts": None, "rate_limited_s": None, "tags": None},
    ]
    same = [name for name in old.column_names if name != "attributes"]
    assert new.select(same).to_pylist() == old.select(same).to_pylist()
    rows: Any = old["attributes"].to_pylist()
    assert new["attributes"].to_pylist() == [[one for one in row if one["key"] not in MOVED] for row in rows]
    assert {column.name for column in COLUMNS} - set(old.column_names) == set(MOVED.values())


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, **value}


def test_attributes_of_another_type_stay_where_they_are() -> None:
    names = [name for name in schema().names if name not in MOVED.values()]
    kinds = pa.schema([schema().field(name) for name in names], metadata={"nbtrace.schema_version": "1"})
    odd = [
        attribute("nbtrace.tags", string="draft"),
        attribute("nbtrace.attempts", double=2.0),
        attribute("nbtrace.stream.outcome"),
    ]
    mixed = '{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}'
    rows = [
        {"attributes": odd},
        {"attributes": []},
        {"attributes": [attribute("nbtrace.tags", json=mixed), attribute("a", int=1)]},
        {"attributes": [attribute("nbtrace.attempts", int=1), attribute("nbtrace.attempts", int=2)]},
    ]
    old = pa.Table.from_pylist([{"events": [], "links": [], **row} for row in rows], kinds)
    new = Snapshot.of(old).table()
    assert new["attempts"].to_pylist() == [None, None, None, 1]
    assert new["tags"].null_count == new["stream_outcome"].null_count == 4
    left: Any = old["attributes"].to_pylist()
    assert new["attributes"].to_pylist() == [*left[:3], left[3][1:]]


def test_no_rows_are_upgraded_to_no_rows() -> None:
    assert Snapshot.of(pq.read_table(OLD).slice(0, 0)).table().equals(schema().empty_table())


def test_todays_tables_and_others_stay_as_they_are() -> None:
    for table in (schema().empty_table(), pa.table({"name": ["a"]})):
        assert upgraded(table).equals(table, check_metadata=True)
    bare = pa.table({"name": ["a"]}).replace_schema_metadata({"nbtrace.schema_version": "1"})
    assert Snapshot.of(bare)["name"].to_pylist() == ["a"]


@pytest.mark.parametrize("version", ["3", "0", "-1", "two"])
def test_versions_that_are_not_known_are_refused(version: str) -> None:
    table = pa.table({"name": ["a"]}).replace_schema_metadata({"nbtrace.schema_version": version})
    with pytest.raises(UnsupportedVersionError) as raised:
        Snapshot.of(table)
    assert str(raised.value) == (
        f"the spans have schema version {version}, and this nbtrace knows versions 1 to 2; read them with the nbtrace "
        "that wrote them, or a later one: pip install --upgrade nbtrace"
    )
