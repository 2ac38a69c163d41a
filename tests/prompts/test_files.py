"""Prompts as plain files: written, read by another session, and refused where somebody changed them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbtrace._prompts.registry import Prompts
from nbtrace.errors import UsageError


@pytest.fixture
def prompts() -> Prompts:
    made = Prompts()
    made.prompt("a/b ..", "Grüße {name}\r\n", cell=("c", 3))
    made.prompt("a/b ..", "{% if x %}y{% endif %}", language="jinja2")
    made.prompt("chat", [{"role": "system", "content": "Be {mood}"}, {"type": "placeholder", "name": "history"}])
    made["a/b .."].tag("production", 1)
    made["a/b .."].rollback(1)
    return made


def state(prompts: Prompts) -> dict[str, Any]:
    return {
        name: [
            (prompt.version, prompt.template, prompt.language, prompt.origin.execution_count if prompt.origin else None)
            for prompt in prompts[name].versions
        ]
        + [prompts[name].current.version, dict(prompts[name].tags)]
        for name in prompts
    }


def test_another_session_reads_what_was_saved(prompts: Prompts, tmp_path: Path) -> None:
    folders = prompts.save(tmp_path / "prompts")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "prompts/a%2Fb ../1.txt", "prompts/a%2Fb ../2.jinja", "prompts/a%2Fb ../prompt.json",
        "prompts/chat/1.json", "prompts/chat/prompt.json",
    ]  # fmt: skip
    assert folders == [str(tmp_path / "prompts" / name) for name in ("a%2Fb ..", "chat")]
    assert (tmp_path / "prompts/a%2Fb ../1.txt").read_bytes() == "Grüße {name}\r\n".encode()
    read = Prompts()
    assert [tuple(one) for one in read.load(tmp_path / "prompts")] == [
        ("a/b ..", 1, 1),
        ("a/b ..", 2, 2),
        ("chat", 1, 1),
    ]
    assert state(read) == state(prompts)


def test_saving_again_changes_nothing_and_a_new_version_adds_a_file(prompts: Prompts, tmp_path: Path) -> None:
    prompts.save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    prompts.save(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    prompts.prompt("chat", "as text")
    prompts.save(tmp_path)
    changed = {path.name for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() != before.get(path)}
    assert changed == {"2.txt", "prompt.json"}


def test_what_the_session_has_under_a_number_stays(prompts: Prompts, tmp_path: Path) -> None:
    prompts.save(tmp_path)
    here = Prompts()
    here.prompt("chat", "mine")
    assert ("chat", 1, 2) in here.load(tmp_path)
    assert [prompt.version for prompt in here["chat"].versions] == [1, 2]
    assert here["chat"][1].template == "mine"


def changed_index(folder: Path, **changes: Any) -> None:
    path = folder / "prompt.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "1.json").write_text("[]"), "1.json was changed after version 1 was saved"),
        (lambda folder: (folder / "1.json").write_text("["), "JSONDecodeError"),
        (lambda folder: (folder / "1.json").write_bytes(b"\xff"), "UnicodeDecodeError"),
        (lambda folder: (folder / "1.json").unlink(), "the file of version 1 is missing; expected 1.txt"),
        (
            lambda folder: changed_index(folder, format=2),
            "the layout of its prompt.json is 2; this nbtrace reads layout 1",
        ),
        (lambda folder: changed_index(folder, current=7), "names a version twice, or one that it does not list"),
        (lambda folder: changed_index(folder, tags={"x": 3}), "names a version twice, or one that it does not list"),
        (
            lambda folder: changed_index(folder, versions=[{"version": "../1", "language": "format"}]),
            "version '../1' in",
        ),
        (lambda folder: changed_index(folder, versions=5), "TypeError"),
        (lambda folder: (folder / "prompt.json").write_text("[" * 100_000), "RecursionError"),
    ],
)
def test_files_that_are_not_as_they_should_be_are_refused_whole(
    prompts: Prompts, tmp_path: Path, spoil: Any, message: str
) -> None:
    prompts.save(tmp_path)
    spoil(tmp_path / "chat")
    read = Prompts()
    with pytest.raises(UsageError) as raised:
        read.load(tmp_path)
    assert str(raised.value).startswith(f"cannot read the prompt in '{tmp_path / 'chat'}': ")
    assert message in str(raised.value)
    assert list(read) == []


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no directory .*; expected one that nbtrace\.prompts\.save"):
        Prompts().load(tmp_path / "none")


@pytest.mark.parametrize("name", ["..", ".", "../../etc", "C:\\x", "con\x00", "é", " "])
def test_no_name_leaves_the_directory(name: str, tmp_path: Path) -> None:
    prompts = Prompts()
    prompts.prompt(name, "x")
    (folder,) = prompts.save(tmp_path / "here")
    assert Path(folder).parent == tmp_path / "here"
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    read = Prompts()
    read.load(tmp_path / "here")
    assert list(read) == [name]
