"""A real ipykernel, one a test, run cell by cell as a front end would."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from tools.jupyter import kernel_sockets

SECONDS = 120


@dataclass
class Outputs:
    """What one cell brought."""

    text: str = ""
    """Standard output and error."""
    result: str = ""
    """The plain text of the cell's value."""
    displays: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Displayed bundles by display id, as they are after updates; an update may be of an earlier cell's."""
    error: str = ""
    traceback: str = ""
    """What is shown of an error."""


class Kernel:
    """Runs cells and collects their outputs."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, source: str, *, cell_id: str = "cell", interrupt_after: str | None = None) -> Outputs:
        """Run a cell until the kernel is idle again.

        Args:
            source: the cell's code.
            cell_id: the notebook's id of the cell.
            interrupt_after: interrupt the kernel once this was printed.
        """
        found = Outputs()
        message = self._client.session.msg("execute_request", _request(source), metadata={"cellId": cell_id})
        self._client.shell_channel.send(message)
        while True:
            reply: dict[str, Any] = self._client.get_iopub_msg(timeout=SECONDS)
            content, kind = reply["content"], reply["msg_type"]
            if kind == "stream":
                found.text += content["text"]
                if interrupt_after is not None and interrupt_after in content["text"]:
                    interrupt_after = None
                    self.interrupt()
            elif kind == "execute_result":
                found.result = content["data"]["text/plain"]
            elif kind in ("display_data", "update_display_data"):
                found.displays[content["transient"].get("display_id", "")] = content["data"]
            elif kind == "error":
                found.error = f"{content['ename']}: {content['evalue']}"
                found.traceback = "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle" and _answers(reply, message):
                return found

    interrupt: Any = None
    die: Any = None
    """Set by the fixture: interrupt the kernel; kill it and start another for the same notebook."""


def _answers(reply: dict[str, Any], message: dict[str, Any]) -> bool:
    return reply["parent_header"].get("msg_id") == message["header"]["msg_id"]


def _request(source: str) -> dict[str, Any]:
    return {
        "code": source,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }


@pytest.fixture
def manager() -> Iterator[KernelManager]:
    with kernel_sockets() as sockets:
        yield KernelManager(**sockets)


@pytest.fixture
def kernel(manager: KernelManager, model: str, tmp_path: Path) -> Iterator[Kernel]:
    """Start a kernel whose `OpenAI()` finds the local model, known to it as `MODEL`."""
    manager._kernel_spec = KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "JPY_SESSION_NAME": "/notebooks/research.ipynb"}
    manager.start_kernel(env=environment, cwd=str(tmp_path), extra_arguments=["--log-level=ERROR"])
    client = manager.client()
    client.start_channels()
    running = Kernel(client)
    running.interrupt = manager.interrupt_kernel

    def begin() -> None:
        client.wait_for_ready(timeout=SECONDS)
        running.run(
            f"import json\nfrom openai import AsyncOpenAI, OpenAI\nMODEL = {model!r}\nclient = OpenAI()\n"
            "def ask(text, **options):\n"
            "    messages = [{'role': 'user', 'content': text}]\n"
            "    return client.chat.completions.create(model=MODEL, messages=messages, max_tokens=8, **options)\n"
        )

    def die() -> None:
        manager.restart_kernel(now=True)
        begin()

    running.die = die
    begin()
    yield running
    client.stop_channels()
    manager.shutdown_kernel()  # in its own time, so that it leaves its coverage
