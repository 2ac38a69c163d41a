"""The widget object: options, mimebundle, repr, bundle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtrace._store.store import Store
from nbtrace._widgets import assets, static
from nbtrace._widgets.trace import TraceWidget
from nbtrace.errors import UsageError


@pytest.fixture
def widget(store: Store) -> Any:
    made = TraceWidget(store.snapshot, store.subscribe, height=300)
    yield made
    made.close()


def bundle(widget: TraceWidget) -> dict[str, Any]:
    """Give what a cell's output holds."""
    return widget._repr_mimebundle_()[0]  # pyright: ignore[reportPrivateUsage]


def test_an_unknown_option_names_the_known_ones(store: Store) -> None:
    with pytest.raises(UsageError) as raised:
        TraceWidget(store.snapshot, store.subscribe, hight=300)
    assert str(raised.value) == "unknown TraceWidget option 'hight'; expected one of: height, selected_span"


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
import sys
from nbtrace._query.totals import summarize
from nbtrace._query.tree import tree
from nbtrace._store.store import Store
from nbtrace._widgets import static, summary
from nbtrace._widgets.wire import Wire
from tools.make_fixtures import fill

store, sent = Store(), []
fill(store)
wire = Wire(store.snapshot, store.subscribe, lambda content, _: sent.append(content["kind"]))
wire.handle({"id": 1, "kind": "tree", "version": 1})
wire.handle({"id": 1, "kind": "span", "version": 1, "span_id": "0000000000000009"})
wire.close()
rows = tree(store.snapshot())
static.tree_text(rows)
summary.summary_html(rows, summarize(store.snapshot()))
print(sent, "pandas" in sys.modules)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "['tree', 'span'] False"
