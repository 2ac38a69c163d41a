"""What a kernel holds and shows, read from outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.kernel.conftest import Kernel, Outputs

ROWS = """
import json, nbtrace
def rows():
    table = nbtrace.spans().table
    names = {one: name for one, name in zip(table["span_id"].to_pylist(), table["name"].to_pylist())}
    return [
        {**{name: row[name] for name in ("name", "cell_id", "execution_count", "cell_run", "status_code")},
         "parent": names.get(row["parent_span_id"])}
        for row in table.to_pylist() if row["duration_ns"] is not None and row["operation"] or row["span_type"]
    ]
"""


def printed(kernel: Kernel, expression: str) -> Any:
    """Evaluate an expression in the kernel."""
    return json.loads(kernel.run(f"print(json.dumps({expression}))", cell_id="probe").text)


def line(outputs: Outputs) -> str:
    """Give the text of the one line under a cell."""
    (bundle,) = outputs.displays.values()
    assert set(bundle) == {"text/html", "text/plain"}
    return bundle["text/plain"]


def until(kernel: Kernel, done: Callable[[Outputs], bool]) -> Outputs:
    """Run small cells until one of them brings what is waited for."""
    outputs = Outputs()
    for _ in range(600):
        outputs = kernel.run("import asyncio; await asyncio.sleep(0.1)", cell_id="wait")
        if done(outputs):
            return outputs
    raise AssertionError(outputs)
