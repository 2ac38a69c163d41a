"""A notebook whose kernel dies: nothing of it is lost, and the next kernel says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kernel.conftest import Kernel


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the kernels keep their sessions here."""
    directory = tmp_path / "sessions"
    monkeypatch.setenv("NBTRACE_JOURNAL", str(directory))
    return directory


def undated(text: str) -> str:
    return re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d", "then", text)


def test_what_a_dead_kernel_had_recorded_comes_back(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run("import nbtrace\nanswer = ask(nbtrace.prompt('say', 'Say {what}').format(what='Hi'))")
    kernel.run("step = nbtrace.span('endless')\nstep.__enter__()\nnbtrace.session().journal.flush()")
    kernel.die()
    assert undated(kernel.run("%load_ext nbtrace").text) == (
        "nbtrace: the last session of this notebook can be brought back by %nbtrace resume "
        "(then, 2 spans, 1 LLM call, unpriced)\n"
    )
    assert undated(kernel.run("%nbtrace resume", cell_id="resume").text) == (
        "back from then: 4 spans\n2 spans had not ended and were interrupted by the kernel's end\n"
        "1 version of prompts came back with the calls; those without a call, tags and rollbacks did not: "
        "nbtrace.prompts.save(folder) keeps them, and .load(folder) brings them back\n"
    )
    seen = kernel.run(
        "import nbtrace\n"
        "for row in nbtrace.spans().table.to_pylist():\n"
        "    if row['cell_id'] not in ('resume', 'look'): print(row['name'], '|', row['status_message'])",
        cell_id="look",
    )
    assert seen.text == (
        "chat smollm2-135m | None\ncell [3] | None\n"
        "cell [4] | interrupted by the kernel's end\nendless | interrupted by the kernel's end\n"
    )
    assert undated(kernel.run("%nbtrace resume").text) == (
        "back from then: 0 spans, besides 4 that were here\n"
        "2 spans had not ended and were interrupted by the kernel's end\n"
    )


def test_sessions_are_listed_and_the_journal_can_be_off(kernel: Kernel, kept: Path) -> None:
    assert kernel.run("%load_ext nbtrace\n%config NBTrace.journal = 'Off'").text == ""
    kernel.run("ask('Hi')")
    assert "kept in this kernel's memory only: the journal is off" in kernel.run("%nbtrace status").text
    assert kernel.run("%nbtrace sessions").text == f"no session is kept in {kept}\n"
    assert not kept.exists()
    elsewhere = kept / "elsewhere"
    kernel.run(f"%config NBTrace.journal = {str(elsewhere)!r}")
    listed = kernel.run("%nbtrace sessions").text
    (session,) = elsewhere.iterdir()
    assert undated(listed) == f"{session.name}  then, 0 spans, this one  /notebooks/research.ipynb\n"
    assert f"the journal is in {elsewhere}\n" in kernel.run("%nbtrace status").text
    assert kernel.run("%nbtrace resume").text.startswith("UsageError: no earlier session of /notebooks/research.ipynb")
    assert kernel.run("%nbtrace resume zzz").text == (
        f"UsageError: no session in {elsewhere} fits 'zzz'; %nbtrace sessions lists them\n"
    )
    assert list(kept.iterdir()) == [elsewhere]


def test_beyond_a_bound_on_memory_spans_go_to_the_disk_and_stay_at_hand(kernel: Kernel, kept: Path) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace")
    assert "UsageError" not in kernel.run("%config NBTrace.max_memory_bytes = 0").text
    kernel.run("ask('Hi')", cell_id="call")
    seen = kernel.run("[span.name for span in nbtrace.spans(cell='call')]")
    assert seen.result == "['chat smollm2-135m', 'cell [4]']"
    status = kernel.run("%nbtrace status").text
    assert re.search(r"^[\d,]+ bytes of older spans are on the disk and 0 in memory$", status, re.MULTILINE)
    assert not list(kept.glob("nbtrace-spans-*"))
    refused = kernel.run("%config NBTrace.max_memory_bytes = -1").text
    assert "max_memory_bytes must be a number of bytes, or None for no bound, but is -1" in refused
