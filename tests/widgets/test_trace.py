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


def test_an_unknown_option_names_the_known_ones(store: Store) -> None:
    with pytest.raises(UsageError) as raised:
        TraceWidget(store.snapshot, store.subscribe, hight=300)
    assert str(raised.value) == "unknown TraceWidget option 'hight'; expected one of: height, selected_span"


def test_the_mimebundle_has_the_widget_and_its_static_picture(widget: TraceWidget, rows: Any) -> None:
    bundle = widget._repr_mimebundle_()  # pyright: ignore[reportPrivateUsage]
    assert bundle is not None
    data, _metadata = bundle
    view = data.pop("application/vnd.jupyter.widget-view+json")
    assert view["model_id"] == widget.model_id
    assert data == {"text/html": static.tree_html(rows), "text/plain": static.tree_text(rows)}


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
