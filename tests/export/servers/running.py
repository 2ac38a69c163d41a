"""Real servers and collectors, started; `python -m tests.export.servers.running` writes the table of what they show.

Phoenix and MLflow are in an environment of their own, which `make setup-servers` makes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from nbtrace._export.destination import export
from tests.export import shown
from tests.export.loopback import Scripted, spans_of
from tests.export.rich import session
from tests.export.servers import mlflow, otlp, phoenix, place
from tools.ports import reserved_port

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from nbtrace._store.snapshot import Snapshot

PROGRAMS = Path(__file__).resolve().parents[3] / ".venv-servers/bin"
START_S = 600.0
"""Seconds that a server may take until it listens."""
SETTLE_S = 60.0
"""Seconds in which what was taken comes out again; Phoenix answers before it has put it away."""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _running(
    command: list[str], folder: Path, ports: list[int], environment: Mapping[str, str] | None = None
) -> Generator[None]:
    """Run a program until it is left; it is there when it listens."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, cwd=folder, env={**os.environ, **(environment or {})}
        )
        try:
            deadline = time.monotonic() + START_S
            while not all(map(listens, ports)):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.01)
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _reserved(*names: str) -> Generator[dict[str, int]]:
    """Keep a port for each of what a program listens with."""
    with ExitStack() as held:
        yield {name: held.enter_context(reserved_port()) for name in names}


@contextmanager
def rotel(folder: Path, behind: str) -> Generator[dict[str, str]]:
    """Run a collector that forwards to a URL, and give its addresses by protocol."""
    spec = find_spec("rotel")
    assert spec
    assert spec.origin
    with _reserved("http", "grpc") as ports:
        command = [
            str(Path(spec.origin).with_name("rotel-agent")), "start",
            "--otlp-grpc-endpoint", f"127.0.0.1:{ports['grpc']}", "--otlp-http-endpoint", f"127.0.0.1:{ports['http']}",
            "--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", behind,
            "--batch-timeout", "20ms", "--pid-file", str(folder / "pid"), "--log-file", str(folder / "log"),
        ]  # fmt: skip
        with _running(command, folder, list(ports.values())):
            yield {protocol: f"{protocol}://127.0.0.1:{port}" for protocol, port in ports.items()}


def passed_on(behind: Scripted, number: int) -> list[Span]:
    """Wait for as many spans behind a collector."""
    arrived: list[Span] = []
    while len(arrived) < number:
        assert behind.arrived.acquire(timeout=SETTLE_S)
        arrived = [span for received in behind.received for span in spans_of(received.otlp)]
    return arrived


def tapped(table: Snapshot) -> list[Span]:
    """Export spans to oteltap, a receiver in this process, and give what it heard."""

    async def collect(port: int) -> list[Span]:
        async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(port)) as receiver:
            stream = receiver.stream_traces()

            async def first() -> list[Span]:
                return [await anext(stream) for _ in range(len(table))]

            arriving = asyncio.create_task(first())
            await asyncio.sleep(0)  # it hears only what comes while it listens
            report = await asyncio.to_thread(export, table, f"http://127.0.0.1:{port}")
            assert (report.spans, report.left_out) == (len(table), ())
            return await asyncio.wait_for(arriving, SETTLE_S)

    with reserved_port() as port:
        return asyncio.run(collect(port))


@contextmanager
def servers(folder: Path) -> Generator[dict[str, str]]:
    """Run Phoenix and MLflow, and give their addresses."""
    with ExitStack() as stack:
        ports = stack.enter_context(_reserved("phoenix", "mlflow", "grpc"))
        environment = {
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(ports["phoenix"]),
            "PHOENIX_GRPC_PORT": str(ports["grpc"]),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        store = [
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            f"{folder}/artifacts",
        ]
        address = ["--host", "127.0.0.1", "--port", str(ports["mlflow"]), "--workers", "1"]
        for name, arguments in (("phoenix", ["serve"]), ("mlflow", ["server", *address, *store])):
            stack.enter_context(_running([str(PROGRAMS / name), *arguments], folder, [ports[name]], environment))
        yield {name: f"http://127.0.0.1:{ports[name]}" for name in ("phoenix", "mlflow")}


def through_oteltap() -> dict[str, str]:
    """Say what oteltap has of the rich session."""
    return place.shown(otlp.spans(tapped(session())), otlp.PLACES)


def through_rotel(folder: Path) -> dict[str, str]:
    """Say what rotel passes on of the rich session."""
    behind = Scripted()
    try:
        with rotel(folder, behind.url) as urls:
            export(session(), urls["grpc"])
            return place.shown(otlp.spans(passed_on(behind, len(session()))), otlp.PLACES)
    finally:
        behind.close()


def through_servers(urls: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Export the rich session to Phoenix and MLflow, and say what they show."""
    for name, url in urls.items():
        report = export(session(), name, endpoint=url, timeout=SETTLE_S, verify=True)
        assert (report.spans, report.scores, report.left_out) == (9, 2, ())
        assert report.notes == ("All 9 spans were read back; their name, parent, start and end are as sent",)
    deadline = time.monotonic() + SETTLE_S
    while not phoenix.is_settled(found := phoenix.spans(urls["phoenix"])):
        assert time.monotonic() < deadline, sorted(found)
        time.sleep(0.2)
    return {
        "Phoenix": place.shown(found, phoenix.PLACES),
        "MLflow": place.shown(mlflow.spans(urls["mlflow"]), mlflow.PLACES),
    }


def drawn(folder: Path, urls: Mapping[str, str]) -> str:
    """Draw the table."""
    collectors = {"rotel": through_rotel(folder), "oteltap": through_oteltap()}
    return shown.servers(through_servers(urls) | collectors)


def main() -> None:
    """Write the table into the documentation."""
    os.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1"  # the name asks for one; the endpoint wins
    with tempfile.TemporaryDirectory() as made, servers(Path(made)) as urls:
        text = shown.with_part(shown.DOCUMENT.read_text("utf-8"), shown.SERVERS, drawn(Path(made), urls))
        shown.DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
