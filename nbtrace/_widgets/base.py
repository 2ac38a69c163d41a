"""The widget that all of nbtrace's widgets are: a live view, and static HTML and text beside it in the same output.

Importing this module imports anywidget and ipywidgets; nothing but the widgets' own modules does so. Bulk data never
becomes a trait: it is asked for over custom messages and answered by `Wire`. Traits hold only what a user may set or
watch, and are never set from a thread of ours.

Where the front end allows it the output is the static picture alone, in a *slot* that the live view fills as long as
there is a kernel: see `hosts`. Outputs are displayed under an id, by which `freeze` finds them again.
"""

from __future__ import annotations

import uuid
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from nbtrace._query.tree import tree
from nbtrace._widgets import static
from nbtrace._widgets.hosts import needs_view
from nbtrace._widgets.wire import Wire
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._widgets.wire import Look, Subscribe

VIEW = "application/vnd.jupyter.widget-view+json"


class SpanWidget(anywidget.AnyWidget):
    """A widget over a set of spans that may still grow.

    Args:
        snapshot: Returns the spans to show.
        subscribe: Registers a callback for changes and returns the function that removes it.
        traits: The widget's own options.

    Raises:
        UsageError: If an option is unknown.
    """

    _slot = traitlets.Unicode().tag(sync=True)
    """The class of the element that the live view fills."""
    _view = traitlets.Unicode("tree").tag(sync=True)
    """What the live view begins with: `tree` or `list`."""

    _wire: Wire | None = None
    _alive: ClassVar[weakref.WeakSet[SpanWidget]] = weakref.WeakSet()
    """Every widget that is not closed."""

    def __init__(self, snapshot: Look, subscribe: Subscribe, **traits: Any) -> None:
        options = self.options()
        for name in traits:
            if name not in options:
                raise UsageError.unknown(f"{type(self).__name__} option", name, options)
        self._snapshot = snapshot
        super().__init__(_slot=f"nbtrace-{uuid.uuid4().hex}", **traits)
        wire = self._wire = self.make_wire(snapshot, subscribe)
        self.on_msg(lambda _widget, content, _buffers: wire.handle(content))
        answer_on_any_thread(self.comm)
        self._outputs: list[str] = []
        """The ids under which this widget is displayed."""
        self._alive.add(self)

    def make_wire(self, snapshot: Look, subscribe: Subscribe) -> Wire:
        """Make the kernel's end of this widget."""
        return Wire(snapshot, subscribe, self.send)

    @classmethod
    def alive(cls) -> list[SpanWidget]:
        """List the widgets that are not closed."""
        return list(cls._alive)

    @classmethod
    def options(cls) -> list[str]:
        """List the traits that this widget adds to anywidget's."""
        inherited = set(anywidget.AnyWidget.class_trait_names())
        return sorted(name for name in cls.class_trait_names(sync=True) if name not in inherited and name[0] != "_")

    def close(self) -> None:
        """Stop following the spans and remove every view."""
        # ipywidgets also closes a widget whose constructor has failed.
        if self._wire is not None:
            self._wire.close()
        self._alive.discard(self)
        super().close()

    def freeze(self) -> int:
        """Put the static picture, as the spans are now, in the place of every view; returns how many there were."""
        from IPython.display import update_display

        html, text = self.still()
        for output in self._outputs:
            update_display({"text/html": html, "text/plain": text}, display_id=output, raw=True)
        self.close()
        return len(self._outputs)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        # The result of a cell cannot be changed afterwards, what it displays can.
        data, metadata = self._repr_mimebundle_()
        self._outputs.append(uuid.uuid4().hex)
        display(data, metadata=metadata, raw=True, display_id=self._outputs[-1])

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        html, text = self.still()
        live = {VIEW: data[VIEW]} if VIEW in data and needs_view() else {}
        picture = f'<div class="{self._slot}">{html}</div>'
        return {**live, "text/html": picture, "text/plain": text}, metadata

    def still(self) -> tuple[str, str]:
        """Draw what is there now as static HTML and as text."""
        return self.pictures(tree(self._snapshot(), summaries=static.ROWS))

    def pictures(self, spans: pa.Table) -> tuple[str, str]:
        """Draw a tree table as static HTML and as text."""
        return static.tree_html(spans), static.tree_text(spans)

    def __str__(self) -> str:
        return self.still()[1]

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.options())
        return f"{type(self).__name__}({options})"


class Frozen(int):
    """How many outputs were made static: a number that a notebook shows as a sentence."""

    __str__ = int.__repr__

    def __repr__(self) -> str:
        return f"{self:,} live output{'s' * (self != 1)} made static" if self else "no live output was left"


def freeze() -> Frozen:
    """Make every view of every widget static; see `nbtrace.freeze`."""
    return Frozen(sum(widget.freeze() for widget in SpanWidget.alive()))


def answer_on_any_thread(comm: Any) -> None:
    """Let requests be answered where the front end sends them, which is beside the running cell.

    JupyterLab sends a widget's messages to a subshell. ipykernel 7.4 moves them to the shell that last sent something
    on the comm, here the main one, where they would wait for the cell to end; `Wire` can answer anywhere. Where
    ipykernel has no such routing there is nothing to do.
    """
    route = getattr(comm, "_reply_subshell_for", None)
    if route is None:
        return

    def stay(content: Any, named: str | None) -> str | None:
        is_request = isinstance(content, dict) and content.get("method") == "custom"
        return named if is_request else route(content, named)

    comm._reply_subshell_for = stay  # noqa: SLF001
