"""The trace widget: a tree of spans with a waterfall, and the selected span's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from nbtrace._widgets.assets import bundle
from nbtrace._widgets.base import SpanWidget
from nbtrace._widgets.rating import RatingWire

if TYPE_CHECKING:
    from nbtrace._widgets.rating import ByHand
    from nbtrace._widgets.wire import Look, Subscribe, Wire


class TraceWidget(SpanWidget):
    """Show spans as a tree over time, live while they run.

    Args:
        snapshot: Returns the spans to show.
        subscribe: Registers a callback for changes.
        by_hand: What a reader may say of a span; without it the keys for that do nothing.
        traits: The widget's own options.
    """

    _esm = bundle("trace")

    height = traitlets.Int(480, min=160, help="Tallest that the view gets, in pixels.").tag(sync=True)
    """Tallest that the view gets, in pixels."""
    selected_span = traitlets.Unicode(None, allow_none=True, help="Id of the selected span, 16 hex digits.").tag(
        sync=True
    )
    """Id of the selected span, 16 hex digits, or None."""

    _labels = traitlets.Dict(None, allow_none=True).tag(sync=True)
    """What a reader may say of a span by hand, or None."""

    def __init__(self, snapshot: Look, subscribe: Subscribe, *, by_hand: ByHand | None = None, **traits: Any) -> None:
        self._by_hand = by_hand
        super().__init__(snapshot, subscribe, **traits)
        self._labels = None if by_hand is None else by_hand.trait()

    def make_wire(self, snapshot: Look, subscribe: Subscribe) -> Wire:
        """Make the kernel's end of this widget."""
        if self._by_hand is None:
            return super().make_wire(snapshot, subscribe)
        return RatingWire(self._by_hand, snapshot, subscribe, self.send)
