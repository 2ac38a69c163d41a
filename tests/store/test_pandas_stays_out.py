"""From a span to a drawn tree, nothing imports pandas: the second that it takes would be the first cell's."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from opentelemetry.sdk.trace import TracerProvider
from nbtrace._store.store import Store
from nbtrace._trace.processor import SinkProcessor
store = Store()
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SinkProcessor(store))
tracer = provider.get_tracer("scope")
attributes = {"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": ["stop"], "list": [1], "b": b"x",
              "gen_ai.usage.cost": 0.5, "gen_ai.usage.input_tokens": 3, "big": 2**70, "true": True, "none": None}
with tracer.start_as_current_span("outer", attributes=attributes) as outer:
    assert "pyarrow" not in sys.modules
    for _ in range(3):
        with tracer.start_as_current_span("inner", attributes=attributes) as inner:
            inner.add_event("event", attributes)
    with tracer.start_as_current_span("again", attributes={"nbtrace.duplicate_of": f"{inner.context.span_id:016x}"}):
        pass
        store.snapshot()
table = store.snapshot()
from nbtrace._query.frame import Spans
from nbtrace._query.totals import summarize
from nbtrace._query.select import below, find_trace, of_trace, without_cells
from nbtrace._query.tree import tree
assert tree(without_cells(of_trace(table, find_trace(table)))).num_rows == 4
assert tree(below(table, outer.context.span_id)).num_rows == 4
assert summarize(table).calls == 4
repr(Spans(table)), Spans(table)._repr_html_(), Spans(table).trace_ids(), Spans(table).__arrow_c_stream__()
assert "nbtrace._store.merging" in sys.modules
assert "pandas" not in sys.modules
"""


def test_no_step_from_a_span_to_a_tree_imports_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
