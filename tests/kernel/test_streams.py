"""Streams in cells: left, interrupted and read on, and asked for their usage."""

from __future__ import annotations

from tests.kernel.conftest import Kernel
from tests.kernel.reading import printed, until


def test_a_stream_that_is_left_is_shown_unfinished_and_goes_on(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    left = kernel.run("stream = ask('Count to ten.', stream=True)\nfor _ in range(3): _ = next(stream)", cell_id="left")
    ((display_id, bundle),) = left.displays.items()
    assert bundle["text/plain"].endswith(" · 1 unfinished")
    look = (
        "[[row['cell_id'], row['duration_ns'] is None, row['stream_outcome'], bool(row['output_messages'])]"
        " for row in __import__('nbtrace').spans().table.to_pylist() if row['operation']]"
    )
    assert printed(kernel, look) == [["left", True, "unfinished", True]]
    kernel.run("_ = next(stream)")
    more = until(kernel, lambda outputs: display_id in outputs.displays).displays[display_id]
    assert more["text/plain"].endswith(" · 1 unfinished")
    kernel.run("_ = list(stream)")
    shown = until(kernel, lambda outputs: "unfinished" not in str(outputs.displays.get(display_id, "unfinished")))
    assert shown.displays[display_id]["text/plain"].startswith("1 LLM call · ")
    assert printed(kernel, look) == [["left", False, "exhausted", True]]


def test_a_stream_whose_cell_is_interrupted_between_two_chunks_goes_on(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    reading = "import time\nstream = ask('Count.', stream=True)\nfor _ in stream:\n    print('one')\n    time.sleep(60)"
    kernel.run(reading, cell_id="left", interrupt_after="one")
    look = "[row['stream_outcome'] for row in __import__('nbtrace').spans().table.to_pylist() if row['operation']]"
    assert printed(kernel, look) == ["unfinished"]
    kernel.run("_ = list(stream)")
    assert printed(kernel, look) == ["exhausted"]


def test_streams_are_asked_for_their_usage_where_it_is_wanted(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    read = "choices = [bool(one.choices) for one in ask('Hi', stream=True)]"
    look = "[row['usage_state'] for row in __import__('nbtrace').spans().table.to_pylist() if row['operation']]"
    kernel.run(read)
    kernel.run("%config NBTrace.request_stream_usage = True")
    kernel.run(read)
    assert printed(kernel, "all(choices)") is True
    kernel.run("%unload_ext nbtrace")
    kernel.run("%load_ext nbtrace")
    assert kernel.run("%config NBTrace.request_stream_usage").result == "True"
    kernel.run("%config NBTrace.request_stream_usage = False")
    kernel.run(read)
    assert printed(kernel, look) == ["estimated", "reported", "estimated"]
