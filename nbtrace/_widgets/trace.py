"""The trace widget: a tree of spans with a waterfall, and the selected span's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from nbtrace._widgets.assets import bundle
from nbtrace._widgets.base import SpanWidget
from nbtrace._widgets.rating import RatingWire

if TYPE_CHECKING:
    from nbtrace._widgets.rating import Rate
    from nbtrace._widgets.wire import Look, Subscribe, Wire


class TraceWidget(SpanWidget):
    """Show spans as a tree over time, live while they run.

    Args:
        snapshot: Returns the spans to show.
        subscribe: Registers a callback for changes.
        rate: Keeps what a reader says of a span; without it the keys for that do nothing.
        traits: The widget's own options.
    """

    _esm = bundle("trace")

    height = traitlets.Int(480, min=160, help="Tallest that the view gets, in pixels.").tag(sync=True)
    """Tallest that the view gets, in pixels."""
    selected_span = traitlets.Unicode(None, allow_none=True, help="Id of the selected span, 16 hex digits.").tag(
        sync=True
    )
    """Id of the selected span, 16 hex digits, or None."""

    def __init__(self, snapshot: Look, subscribe: Subscribe, *, rate: Rate | None = None, **traits: Any) -> None:
        self._rate = rate
        super().__init__(snapshot, subscribe, **traits)

    def make_wire(self, snapshot: Look, subscribe: Subscribe) -> Wire:
        """Make the kernel's end of this widget."""
        if self._rate is None:
            return super().make_wire(snapshot, subscribe)
        return RatingWire(self._rate, snapshot, subscribe, self.send)
