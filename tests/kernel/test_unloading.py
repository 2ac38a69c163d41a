"""Unloading takes away what loading brought, and no more."""

from __future__ import annotations

from tests.kernel.conftest import Kernel
from tests.kernel.reading import line, printed

STATE = """
import sys, threading, json
from concurrent.futures import ThreadPoolExecutor
from openai._base_client import AsyncAPIClient, SyncAPIClient
def state():
    ip = get_ipython()
    return [
        id(SyncAPIClient.__dict__["request"]), id(AsyncAPIClient.__dict__["request"]),
        id(threading.Thread.__dict__["start"]), id(ThreadPoolExecutor.__dict__["submit"]),
        {name: [id(f) for f in found] for name, found in ip.events.callbacks.items()},
        sorted(ip.magics_manager.magics["line"]), sorted(ip.magics_manager.registry),
        [type(c).__name__ for c in ip.configurables], sorted(ip.strdispatchers["complete_command"].strs),
        [str(f) for f in sys.meta_path],
    ]
"""


def test_unloading_leaves_ipython_and_the_client_as_they_were(kernel: Kernel) -> None:
    kernel.run("%unload_ext nothing")  # IPython registers the magics of extensions when one is first used
    kernel.run(STATE)
    kernel.run("before = state()")
    kernel.run("%load_ext nbtrace")
    assert printed(kernel, "state() != before")
    kernel.run("ask('Hi')")
    kernel.run("%unload_ext nbtrace")
    assert printed(kernel, "[(a, b) for a, b in zip(state(), before) if a != b]") == []
    assert "not found" in kernel.run("%nbtrace").text
    assert kernel.run("ask('Hi')").displays == {}
    kernel.run("import nbtrace")
    assert printed(kernel, "nbtrace.spans().table['operation'].to_pylist().count('chat')") == 1


def test_loading_again_goes_on_with_the_same_session(kernel: Kernel) -> None:
    kernel.run(STATE)
    kernel.run("%load_ext nbtrace")
    kernel.run("once = state()")
    assert "already loaded" in kernel.run("%load_ext nbtrace").text
    assert printed(kernel, "state() == once")
    kernel.run("ask('before')")
    kernel.run("%reload_ext nbtrace")
    assert len(kernel.run("ask('after')").displays) == 1
    kernel.run("import nbtrace")
    assert printed(kernel, "nbtrace.spans().table['operation'].to_pylist().count('chat')") == 2


def test_an_instrumentor_is_active_until_unloading_and_may_be_again(kernel: Kernel) -> None:
    name = "openinference-instrumentation-openai"
    kernel.run("%unload_ext nothing")  # IPython registers the magics of extensions when one is first used
    kernel.run(STATE)
    kernel.run("before = state()")
    for _ in range(2):
        kernel.run("%load_ext nbtrace")
        told = f"{name} is active; its spans are recorded until nbtrace is unloaded\n"
        assert [kernel.run(f"%nbtrace instrument {name}").text for _ in range(2)] == [told, told]
        assert ": active" in next(one for one in kernel.run("%nbtrace instrument").text.splitlines() if name in one)
        assert line(kernel.run("ask('Hi')")).startswith("1 LLM call · smollm2-135m · ")
        kernel.run("%unload_ext nbtrace")
        kernel.run("ask('Hi')")
    kernel.run("import nbtrace")
    kernel.run("kept = nbtrace.spans(kind='llm')")
    seen_too = ["openinference.instrumentation.openai"]
    assert printed(kernel, "[one.attributes.get('nbtrace.also_seen_by') for one in kept]") == [seen_too, seen_too]
    assert printed(kernel, "[(a, b) for a, b in zip(state(), before) if a != b]") == []
    refused = kernel.run("from openinference.instrumentation.openai import OpenAIInstrumentor as I\nI().instrument()\n"
                         f"%load_ext nbtrace\n%nbtrace instrument {name}").text  # fmt: skip
    assert refused == f"UsageError: {name} is active already, by your own code; its spans go where you sent them\n"
