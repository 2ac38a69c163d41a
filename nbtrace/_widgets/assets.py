"""Find the built JavaScript of a widget.

The bundles are built from `js/` when a wheel is made and are not committed, so a checkout may lack them. A widget
without its bundle still works as static HTML; in its live place it says how to build the bundle.
"""

from __future__ import annotations

import json
from pathlib import Path

STATIC = Path(__file__).parent / "static"


def bundle(name: str) -> Path | str:
    """Return the path of a widget's bundle, or the source of a stub that tells how to build it."""
    path = STATIC / f"{name}.js"
    return path if path.is_file() else stub(name)


def stub(name: str) -> str:
    """Return an ES module whose view is one sentence for a developer."""
    message = (
        f"nbtrace's {name} widget has no JavaScript yet. Run `npm ci && npm run build` in js/ and restart the kernel."
    )
    return f"export default {{ render({{ el }}) {{ el.textContent = {json.dumps(message)}; }} }};\n"
