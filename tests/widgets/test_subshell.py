"""A front end with subshells gets its answers while a cell runs: a real kernel, and JupyterLab's messages."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from comm import DummyComm as PlainComm
from ipykernel.comm.comm import BaseComm as IpykernelComm
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from nbtrace._widgets.base import answer_on_any_thread
from tools.jupyter import kernel_sockets

ROOT = Path(__file__).parents[2]
OPEN = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import threading
from nbtrace._store.store import Store
from nbtrace._widgets.trace import TraceWidget
store, go_on = Store(), threading.Event()
widget = TraceWidget(store.snapshot, store.subscribe)
print(widget.model_id)
"""


def test_only_requests_leave_the_shell_that_ipykernel_chose() -> None:
    comm: Any = IpykernelComm(target_name="test")
    comm._reply_subshell_id = "chosen"
    answer_on_any_thread(comm)
    route = comm._reply_subshell_for
    assert [route({"method": method}, "named") for method in ("custom", "update")] == ["named", "chosen"]
    assert route(None, "named") == "chosen"


def test_a_comm_without_routing_stays_as_it_is() -> None:
    comm = PlainComm(target_name="test")
    before = dict(vars(comm))
    answer_on_any_thread(comm)
    assert vars(comm) == before


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[BlockingKernelClient]:
    with kernel_sockets() as sockets:
        manager = KernelManager(**sockets)
        manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(tmp_path)})
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=120)
        yield client
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_request_is_answered_while_a_cell_runs(kernel: Any) -> None:
    model_id = _printed(kernel, OPEN)
    kernel.control_channel.send(kernel.session.msg("create_subshell_request"))
    subshell = kernel.get_control_msg(timeout=60)["content"]["subshell_id"]

    kernel.execute("answered_first = go_on.wait(60)")
    content = {"method": "custom", "content": {"id": 1, "kind": "tree", "version": 3}}
    request = kernel.session.msg("comm_msg", {"comm_id": model_id, "data": content})
    request["header"]["subshell_id"] = subshell
    kernel.shell_channel.send(request)
    reply = _next(kernel, "comm_msg")["content"]["data"]["content"]
    now = reply.pop("now_unix_ms")
    assert reply == {"id": 1, "kind": "tree", "version": 3, "revision": 0, "start_unix_ms": 0}
    assert now <= time.time_ns() // 10**6

    # The cell still waits: only another shell can let it go on.
    release = kernel.session.msg("execute_request", {"code": "go_on.set()", "silent": False, "store_history": False})
    release["header"]["subshell_id"] = subshell
    kernel.shell_channel.send(release)
    assert _printed(kernel, "print(answered_first)") == "True"


def _printed(kernel: Any, code: str) -> str:
    kernel.execute(code)
    return _next(kernel, "stream")["content"]["text"].strip()


def _next(kernel: Any, kind: str) -> Any:
    while True:
        message = kernel.get_iopub_msg(timeout=60)
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] == kind:
            return message
