"""What the AI said to whom and why, over some spans, so that a later change of it shows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrace.errors import ExportError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import pandas as pd

    from nbtrace._query.frame import Spans
    from nbtrace._store.snapshot import Snapshot


class Trail:
    """Spans in the order in which they began, bound by a chain of hashes when they are written.

    Args:
        spans: those that were chosen.
        whole: all spans, among which those are that theirs are in.
        filters: what chose them.
    """

    def __init__(self, spans: Spans, whole: Snapshot, filters: Mapping[str, object]) -> None:
        import numpy as np

        starts = np.array([start or 0 for start in spans.snapshot["start_time_unix_nano"].to_pylist()], np.int64)
        self._whole = whole
        self.spans = spans.ordered(np.argsort(starts, kind="stable"))
        """The spans."""
        self.about: dict[str, str] = {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            **{f"only {name}": f"{value!s:.200}" for name, value in filters.items()},
        }
        """What the audit says of itself: when it was made, and of which spans."""

    def __len__(self) -> int:
        return len(self.spans)

    def write(self, to: str | os.PathLike[str]) -> str:
        """Write it as a Parquet file (`.parquet`), or as a page to read (`.html`) with a Parquet file beside it.

        Both say the chain of every span; the file is what `nbtrace.audit.verify` verifies and `nbtrace.open` reads.

        Args:
            to: the path.

        Returns:
            The head of the chain. Keep it elsewhere: only by it is a file told that was changed and chained anew.

        Raises:
            ExportError: the path has another ending, or cannot be written to.
        """
        from nbtrace._trail.file import write

        path = Path(to)
        if path.suffix not in (".parquet", ".html"):
            message = f"cannot write an audit to '{path}': expected a path ending in .parquet or .html"
            raise ExportError(message)
        if path.suffix == ".html":
            return self._page(path)
        return write(self.spans.snapshot, path, self.about)

    def _page(self, path: Path) -> str:
        import pyarrow.parquet as pq

        from nbtrace._export.atomic import replacing
        from nbtrace._trail import chain, page
        from nbtrace._trail.file import is_audit, write

        beside = path.with_suffix(".parquet")
        if beside.exists() and not is_audit(beside):
            message = (
                f"the page goes with a file of the same name, and {beside} is there and no audit; choose another name"
            )
            raise ExportError(message)
        head = write(self.spans.snapshot, beside, self.about)
        links: Any = pq.read_table(beside, columns=[chain.CHAIN])[chain.CHAIN].to_pylist()
        with replacing(path) as file:
            file.writelines(page.parts(self.spans.snapshot, self._whole, self.about, links))
        return head

    def to_pandas(self) -> pd.DataFrame:
        """Give the spans as a data frame, as `nbtrace.spans(...)` does."""
        return self.spans.to_pandas()

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.about.items())
        return f"<nbtrace audit of {len(self)} spans ({told}); .write('audit.parquet') or .write('audit.html')>"

    def _repr_html_(self) -> str:
        from nbtrace._widgets.markup import escape

        return f"<p>{escape(repr(self)[1:-1])}</p>"
