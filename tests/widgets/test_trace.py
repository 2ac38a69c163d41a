"""The widget object: options, mimebundle, repr, bundle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._widgets import assets, listing, static
from nbtrace._widgets.trace import TraceWidget
from nbtrace._widgets.traces import TracesWidget
from nbtrace.errors import UsageError
from tools.fixture_session import fill_session


@pytest.fixture
def widget(store: Store) -> Any:
    made = TraceWidget(store.snapshot, store.subscribe, height=300)
    yield made
    made.close()


def bundle(widget: TraceWidget) -> dict[str, Any]:
    """Give what a cell's output holds."""
    return widget._repr_mimebundle_()[0]  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def session_store() -> Store:
    """Give a store that holds an afternoon of cells."""
    filled = Store()
    fill_session(filled)
    return filled


def test_traces_are_listed_and_any_of_them_can_be_open(session_store: Store) -> None:
    made = TracesWidget(session_store.snapshot, session_store.subscribe)
    spans = tree(session_store.snapshot(), summaries=static.ROWS)
    assert TracesWidget.options() == ["height", "selected_span", "selected_trace"]
    assert made.get_state()["_view"] == "list"
    assert bundle(made) == {
        "text/html": f'<div class="{made._slot}">{listing.list_html(spans)}</div>',  # pyright: ignore[reportPrivateUsage]
        "text/plain": listing.list_text(spans),
    }
    made.close()


def test_an_unknown_option_names_the_known_ones(store: Store) -> None:
    with pytest.raises(UsageError) as raised:
        TraceWidget(store.snapshot, store.subscribe, hight=300)
    assert (
        str(raised.value)
        == "unknown TraceWidget option 'hight'; did you mean 'height'? expected one of: height, selected_span"
    )


def test_the_output_is_the_static_picture_in_a_slot_of_the_widget(widget: TraceWidget, rows: Any) -> None:
    assert bundle(widget) == {
        "text/html": f'<div class="{widget._slot}">{static.tree_html(rows)}</div>',  # pyright: ignore[reportPrivateUsage]
        "text/plain": static.tree_text(rows),
    }


@pytest.mark.parametrize("variable", ["VSCODE_PID", "POSITRON_VERSION"])
def test_a_host_that_needs_it_also_gets_the_widget_by_name(
    widget: TraceWidget, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    data = bundle(widget)
    assert list(data) == ["application/vnd.jupyter.widget-view+json", "text/html", "text/plain"]
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id


def test_the_repr_is_cheap_and_says_the_options(widget: TraceWidget) -> None:
    assert repr(widget) == "TraceWidget(height=300, selected_span=None)"


def test_only_small_state_is_in_traits(widget: TraceWidget) -> None:
    state = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
    assert state.keys() == {"height", "selected_span", "layout", "tabbable", "tooltip"}


def test_a_missing_bundle_tells_how_to_build_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    stub = assets.bundle("trace")
    assert isinstance(stub, str)
    assert "Run `npm ci && npm run build` in js/" in stub
    (tmp_path / "trace.js").write_text("export default {}")
    assert assets.bundle("trace") == tmp_path / "trace.js"


def test_static_views_need_neither_anywidget_nor_pyarrow() -> None:
    code = (
        "import sys, nbtrace._widgets.static, nbtrace._widgets.summary, nbtrace._widgets.wire\n"
        "print([name for name in ('anywidget', 'ipywidgets', 'pyarrow', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_answer_and_no_picture_imports_pandas() -> None:
    code = """
import sys, threading
from nbtrace._query.totals import summarize
from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._widgets import static, summary
from nbtrace._widgets.wire import Wire
from tools.make_fixtures import fill

TRACE = "0af7651916cd43dd8448eb211c80319c"
store, sent = Store(), []
fill(store)
wire = Wire(store.snapshot, store.subscribe, lambda content, _: sent.append(content["kind"]))
wire.handle({"id": 1, "kind": "tree", "version": 3})
wire.handle({"id": 1, "kind": "span", "version": 3, "trace_id": TRACE, "span_id": "0000000000000009"})
wire.handle({"id": 1, "kind": "search", "version": 3, "text": "umbrella"})
[thread.join() for thread in threading.enumerate() if thread.name == "nbtrace-search"]
wire.close()
rows = tree(store.snapshot(), summaries=30)
static.tree_text(rows)
summary.summary_html(rows, summarize(store.snapshot()))
print(sent, "pandas" in sys.modules)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "['tree', 'span', 'search'] False"
