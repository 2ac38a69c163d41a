"""Exports that fail, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbtrace._export.destination import export
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot


HIDDEN = "\N{REPLACEMENT CHARACTER}"
LOG = "see the receiver's log"


def failing(table: Snapshot, to: str, **options: object) -> str:
    with pytest.raises(ExportError) as failure:
        export(table, to, **options)  # type: ignore[arg-type]
    return str(failure.value)
