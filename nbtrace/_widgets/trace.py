"""The trace widget: a tree of spans with a waterfall, and the selected span's messages."""

from __future__ import annotations

import traitlets

from nbtrace._widgets.assets import bundle
from nbtrace._widgets.base import SpanWidget


class TraceWidget(SpanWidget):
    """Show spans as a tree over time, live while they run."""

    _esm = bundle("trace")

    height = traitlets.Int(480, min=160, help="Tallest that the view gets, in pixels.").tag(sync=True)
    """Tallest that the view gets, in pixels."""
    selected_span = traitlets.Unicode(None, allow_none=True, help="Id of the selected span, 16 hex digits.").tag(
        sync=True
    )
    """Id of the selected span, 16 hex digits, or None."""
