"""The traces widget: a list of all traces of a session, each of which opens to its tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import traitlets

from nbtrace._widgets import listing
from nbtrace._widgets.hosts import KERNEL
from nbtrace._widgets.trace import TraceWidget

if TYPE_CHECKING:
    import pyarrow as pa


class TracesWidget(TraceWidget):
    """List traces, the runs of a cell under the latest, and open one as a tree."""

    _view = traitlets.Unicode("list").tag(sync=True)

    _kernel = traitlets.Unicode(KERNEL).tag(sync=True)
    """Whose charts, wherever on the page, this list is filtered by."""

    selected_trace = traitlets.Unicode(None, allow_none=True, help="Id of the open trace, 32 hex digits.").tag(
        sync=True
    )
    """Id of the open trace, 32 hex digits, or None where the list is shown."""

    def pictures(self, spans: pa.Table) -> tuple[str, str]:
        """Draw the list as static HTML and as text."""
        return listing.list_html(spans), listing.list_text(spans)
