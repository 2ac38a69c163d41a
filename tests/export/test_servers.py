"""The rich session in real servers, read back by their own APIs; `make test-servers` has them installed.

What they show is the table in docs/backends.md: the test draws it anew and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export import shown
from tests.export.servers.running import PROGRAMS, drawn, servers
from tools.course import lessons, player

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAMS.exists(), reason="only `make test-servers` has the servers"),
]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with servers(tmp_path_factory.mktemp("servers")) as urls:
        yield urls


def test_the_servers_show_what_the_table_says(
    urls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", urls["mlflow"])
    document = shown.DOCUMENT.read_text(encoding="utf-8")
    assert shown.with_part(document, shown.SERVERS, drawn(tmp_path, urls)) == document
    assert shown.with_part(document, shown.SERVERS, drawn(tmp_path, urls)) == document, (
        "a second export changes nothing"
    )


def test_the_lesson_hands_over_and_reads_back(tmp_path: Path) -> None:
    (lesson,) = (path for path in lessons() if path.name.startswith("10"))
    with player(tmp_path, {"NBTRACE_SERVERS": str(PROGRAMS)}) as running:
        played = running.play(lesson)
    assert played.shown["servers"] == "'phoenix, mlflow'"
    assert played.shown["send"].count("All 6 spans were read back") == 2
    answers = "['The library is closed on Mondays.', 'The library is closed on Mondays.']"
    assert played.shown["frames"].count(answers) == 2
