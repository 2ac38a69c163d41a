"""The shared fixture session as the widgets get it: a store's table and its tree."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nbtrace._query.tree import tree
from nbtrace._store.snapshot import Snapshot
from nbtrace._store.store import Store
from nbtrace._widgets.static import ROWS
from tools.make_fixtures import fill


@pytest.fixture
def store() -> Store:
    """Give a store that holds the fixture session."""
    filled = Store()
    fill(filled)
    return filled


@pytest.fixture
def spans(store: Store) -> Snapshot:
    """Give the fixture session's spans."""
    return store.snapshot()


@pytest.fixture
def rows(spans: Snapshot) -> pa.Table:
    """Give the fixture session's tree."""
    return tree(spans, summaries=ROWS)
