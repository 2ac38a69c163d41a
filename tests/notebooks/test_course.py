"""The course is played twice in one kernel, from its cassettes: what it says, records and asks for is right."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pyarrow.parquet as pq
import pytest

import nbtrace
from nbtrace._audit import audit
from nbtrace._store import parquet
from nbtrace._trace.redact.rules import Rules
from tools.course import CASSETTES, COURSE, SOLUTION, SPARK, Played, lessons, player

LESSONS = lessons()
HERE = [path for path in LESSONS if path.name[:2] != SPARK]
ONES = [path.name[:2] for path in HERE]
SPANS = "spans-{number}-{time}.parquet"
VARIES = re.compile(
    r"^(trace|span|parent_span)_id$|\.(sweep\.id|watch\.spans|gap\.\w+|wait)$|rate_limited"
    r"|(_s|_ns|_us|_unix_nano|_time|_per_second|time_to_first_chunk|execution_count)$"
)
"""Names of what may differ: times, ids, and the number in a cell's brackets."""
WHERE = {"attributes", "events", "links", "resource", "scope", "name"}
"""What is told in another way, or says which process it was."""


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Played]]]:
    folder = tmp_path_factory.mktemp("course")
    with player(folder) as running:
        played: list[dict[str, Played]] = [{}, {}]
        for time, path in itertools.product(range(2), HERE):
            number = path.name[:2]
            played[time][number] = running.play(path, afterwards="import nbtrace; nbtrace.export('spans.parquet')")
            (folder / "spans.parquet").rename(folder / SPANS.format(number=number, time=time))
    return folder, played


@pytest.mark.notebook
@pytest.mark.parametrize("number", ONES)
def test_an_exercise_is_done_by_its_solution_only(number: str, twice: tuple[Path, list[dict[str, Played]]]) -> None:
    for played in (one[number] for one in twice[1]):
        assert played.unsolved.startswith(f"○ Exercise {number}: not yet. Expected: ")
        assert played.solved.startswith(f"✓ Exercise {number}: ")


@pytest.mark.notebook
@pytest.mark.parametrize("number", ONES)
def test_every_call_is_answered_by_the_cassette(number: str, twice: tuple[Path, list[dict[str, Played]]]) -> None:
    recorded = nbtrace.open(CASSETTES / f"{number}.parquet").spans(kind="llm")
    for played in (one[number] for one in twice[1]):
        assert played.replay.strip().endswith(f"; {len(recorded)} answered, 0 made, 0 missed>")


@pytest.mark.notebook
@pytest.mark.parametrize("number", ONES)
def test_two_times_give_equal_spans(number: str, twice: tuple[Path, list[dict[str, Played]]]) -> None:
    once, again = (told(twice[0] / SPANS.format(number=number, time=time)) for time in range(2))
    assert once - again == Counter()
    assert again - once == Counter()
    assert once.total() > len(nbtrace.open(CASSETTES / f"{number}.parquet").spans(kind="llm"))


@pytest.mark.spark
def test_the_lesson_on_spark_is_done_by_its_solution_and_equal_the_second_time(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="only `make test-engines` has PySpark")
    (lesson,) = set(LESSONS) - set(HERE)
    found: list[Counter[str]] = []
    with player(tmp_path) as running:
        for _ in range(2):
            played = running.play(lesson, afterwards="import nbtrace; nbtrace.export('spans.parquet')")
            assert played.unsolved.startswith(f"○ Exercise {SPARK}: not yet. Expected: ")
            assert played.solved.startswith(f"✓ Exercise {SPARK}: ")
            assert played.shown["same"] == "True"
            assert "6 answered, 0 made, 0 missed" in played.replay
            file = (tmp_path / "spans.parquet").rename(tmp_path / f"spans-{len(found)}.parquet")
            found.append(told(file))
    assert (found[0] - found[1], found[1] - found[0]) == (Counter(), Counter())


def told(file: Path) -> Counter[str]:
    """Say of each span what is no time or id, and below which spans it is."""
    rows = {row["span_id"]: row for row in nbtrace.open(file).spans()}

    def path(row: Any) -> list[str]:
        above = rows.get(row["parent_span_id"])
        return [*(path(above) if above is not None else []), re.sub(r"\[\d+\]", "[n]", row["name"])]

    def facts(row: Any) -> dict[str, Any]:
        own = {**row["attributes"], **{name: value for name, value in row.items() if name not in WHERE}}
        return {name: value for name, value in sorted(own.items()) if not VARIES.search(name)}

    return Counter(repr((path(row), facts(row))) for row in rows.values())


@pytest.mark.parametrize("cassette", sorted(CASSETTES.glob("*.parquet")), ids=lambda path: path.stem)
def test_a_cassette_has_no_secrets_and_says_so(cassette: Path) -> None:
    assert list(audit(parquet.read(cassette), Rules(), None)["where"]) == []
    said = pq.read_schema(cassette).metadata
    assert said[b"nbtrace.redaction"] == b"secrets were masked before anything was stored"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_a_picture_an_exercise_and_a_way_on(lesson: Path) -> None:
    cells = {cell.id: cell for cell in nbformat.read(lesson, as_version=4).cells}
    assert {"title", "exercise-about", "exercise", "check", "solution"} <= set(cells)
    assert f'nbtrace.exercise("{lesson.name[:2]}"' in cells["check"].source
    assert SOLUTION.search(cells["solution"].source)
    written = "\n".join(cell.source for cell in cells.values() if cell.cell_type == "markdown")
    linked = re.findall(r"\]\(([\w./-]+)\)", written)
    assert f"images/{lesson.name[:2]}.png" in linked
    assert [name for name in linked if not (COURSE / name).exists()] == []
    assert lesson == LESSONS[-1] or LESSONS[LESSONS.index(lesson) + 1].name in linked
