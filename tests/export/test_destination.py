"""Which format a destination means, and what a person reads when it is no good."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace._export.atomic import replacing
from nbtrace._export.destination import export
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.snapshot import Snapshot

Take = Callable[..., "Snapshot"]


@pytest.mark.parametrize("to", ["session.xls", "session", "localhost:4318", "", ".parquet", None, 3])
def test_an_unknown_destination_is_refused(to: Any, snapshot: Take) -> None:
    with pytest.raises(ExportError) as failure:
        export(snapshot([]), to)
    assert str(failure.value) == (
        f"cannot export to {to!r}: expected a path ending in .parquet, .jsonl, .html or .csv, "
        "an OTLP endpoint such as 'http://127.0.0.1:4318' or 'grpc://127.0.0.1:4317', or one of: arize, datadog, "
        "grafana, honeycomb, jaeger, "
        "langfuse, langsmith, logfire, mlflow, otlp, phoenix, weave"
    )


def test_a_backend_that_was_misspelt_is_named(snapshot: Take) -> None:
    with pytest.raises(ExportError, match=r"^cannot export to 'Langfuze': did you mean 'langfuse'\? expected a path"):
        export(snapshot([]), "Langfuze")


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_bad_path_is_one_clear_sentence(ending: str, snapshot: Take, tmp_path: Path) -> None:
    table = snapshot([])
    missing = tmp_path / "missing" / f"a.{ending}"
    directory = tmp_path / f"directory.{ending}"
    directory.mkdir()
    endless = tmp_path / f"{'x' * 300}.{ending}"
    told: list[str] = []
    for path in (missing, directory, endless):
        with pytest.raises(ExportError) as failure:
            export(table, path)
        told.append(str(failure.value))
    assert told == [
        f"cannot write '{missing}': there is no directory '{missing.parent}'; create it or choose another path",
        f"cannot write '{directory}': it is a directory; add a file name, for example '{directory}/session.parquet'",
        f"cannot write '{endless}': File name too long; choose a path that you can write to",
    ]
    assert list(tmp_path.iterdir()) == [directory]


def test_a_read_only_file_is_not_replaced(snapshot: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text("old")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda target, mode: bool(Path(target).stat().st_mode & stat.S_IWUSR))
    with pytest.raises(ExportError) as failure:
        export(snapshot([]), path)
    assert str(failure.value) == (f"cannot write '{path}': the file is read-only; choose a path that you can write to")
    assert path.read_text() == "old"


def test_a_failing_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_bytes(b"old")
    with pytest.raises(ExportError) as failure, replacing(path) as file:
        file.write(b"half")
        raise OSError(28, "No space left on device")
    assert str(failure.value) == f"cannot write '{path}': No space left on device; choose a path that you can write to"
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_keeps_its_mode_and_its_link(spans: list[ReadableSpan], snapshot: Take, tmp_path: Path) -> None:
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    export(snapshot(spans), link)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_bytes().startswith(b'{"resourceSpans"')


def test_the_home_directory_is_understood(snapshot: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    export(snapshot([]), "~/home.PARQUET")
    assert [path.name for path in tmp_path.iterdir()] == ["home.PARQUET"]


@pytest.mark.parametrize("to", ["~nobody-of-that-name/x.parquet", b"missing/x.parquet", "a\0.parquet"])
def test_odd_paths_are_refused_in_one_sentence(to: Any, snapshot: Take) -> None:
    with pytest.raises(ExportError, match=r"there is no directory|cannot export to"):
        export(snapshot([]), to)
