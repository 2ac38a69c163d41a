"""How long `%load_ext nbtrace` takes in a real kernel that has imported openai."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.manager import start_new_kernel

TIMED = """
import time
began = time.perf_counter()
%load_ext nbtrace
print((time.perf_counter() - began) * 1e3)
"""


def load_ext_ms(times: int) -> list[float]:
    """Load the extension in so many fresh kernels; milliseconds of each."""
    taken: list[float] = []
    for _ in range(times):
        with TemporaryDirectory() as sessions:
            manager, client = start_new_kernel(kernel_name="python3", env=os.environ | {"NBTRACE_JOURNAL": sessions})
            try:
                _run(client, "import openai")
                taken.append(float(_run(client, TIMED)))
            finally:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
    return taken


def _run(client: Any, source: str) -> str:
    said: list[str] = []

    def listen(message: Any) -> None:
        if message["msg_type"] in ("stream", "error"):
            said.append(message["content"].get("text") or "\n".join(message["content"]["traceback"]))

    reply = client.execute_interactive(source, output_hook=listen)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("".join(said))
    return "".join(said)
