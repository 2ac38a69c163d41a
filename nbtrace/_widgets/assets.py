"""Find the built JavaScript of a widget.

The bundles are built from `js/` when a wheel is made and are not committed, so a checkout may lack them. A widget
without its bundle still works as static HTML; in its live place it says how to build the bundle.
"""

from __future__ import annotations

import json
from pathlib import Path

from nbtrace.errors import ExportError

STATIC = Path(__file__).parent / "static"


def bundle(name: str) -> Path | str:
    """Return the path of a widget's bundle, or the source of a stub that tells how to build it."""
    path = STATIC / f"{name}.js"
    return path if path.is_file() else stub(name)


def page_parts() -> tuple[str, str]:
    """Return the script of the exported page, and the style sheet that its views insert.

    Raises:
        ExportError: They are not built.
    """
    script, sheet = STATIC / "page.js", STATIC / "style.css"
    if not (script.is_file() and sheet.is_file()):
        raise ExportError.not_built()
    return script.read_text(encoding="utf-8"), sheet.read_text(encoding="utf-8")


def stub(name: str) -> str:
    """Return an ES module whose view is one sentence for a developer."""
    message = (
        f"nbtrace's {name} widget has no JavaScript yet. Run `npm ci && npm run build` in js/ and restart the kernel."
    )
    return f"export default {{ render({{ el }}) {{ el.textContent = {json.dumps(message)}; }} }};\n"
