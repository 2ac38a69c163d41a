"""Prompts as plain files: a folder a prompt, a file a version, and `prompt.json` with what a text cannot say.

Made for git: a new version is a new file, and nothing else changes but a few lines of `prompt.json`. Files are
somebody's input: names do not leave the folder, and a version that is not what its hash says is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from nbtrace._prompts.history import CURRENT, History
from nbtrace._prompts.languages import LANGUAGES
from nbtrace._prompts.prompt import Origin, Prompt
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._prompts.registry import Prompts

INDEX: Final = "prompt.json"
FORMAT: Final = 1
"""Version of the layout."""


class Loaded(NamedTuple):
    """A version that was read."""

    name: str
    version: int
    """In the files."""
    here: int
    """In the session: another number where the session has something else under that one."""


def save(histories: Sequence[History], directory: str | PathLike[str]) -> list[str]:
    """Write prompts below a directory, which is made; see `Prompts.save`."""
    written: list[str] = []
    for history in histories:
        folder = Path(directory) / _folder(history.name)
        folder.mkdir(parents=True, exist_ok=True)
        for prompt in history.versions:
            _replace(folder / _file(prompt), prompt.text)
        _replace(folder / INDEX, json.dumps(_index(history), indent=2, ensure_ascii=False) + "\n")
        written.append(str(folder))
    return written


def load(prompts: Prompts, directory: str | PathLike[str]) -> list[Loaded]:
    """Read prompts below a directory; see `Prompts.load`."""
    root = Path(directory)
    if not root.is_dir():
        message = f"there is no directory '{root}'; expected one that nbtrace.prompts.save() wrote"
        raise UsageError(message)
    read = [_read(path.parent) for path in sorted(root.glob(f"*/{INDEX}"))]
    loaded: list[Loaded] = []
    for versions, tags, current in read:
        here = {prompt.version: prompts.adopt(prompt) for prompt in versions}
        loaded += [Loaded(prompt.name, number, prompt.version) for number, prompt in here.items()]
        history = prompts[versions[0].name]
        for tag, number in tags.items():
            history.tag(tag, here[number].version)
        history.use(here[current])
    return loaded


def _read(folder: Path) -> tuple[list[Prompt], dict[str, int], int]:
    """Give the versions of a prompt, its tags, and which version is in use."""
    try:
        index: Any = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        _check_format(index["format"])
        versions = [_version(folder, str(index["name"]), entry) for entry in index["versions"]]
        tags = {str(tag): int(number) for tag, number in index["tags"].items()}
        current = int(index["current"])
        _check_tags(tags)
        _check_numbers([prompt.version for prompt in versions], {current, *tags.values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError) as error:
        message = f"cannot read the prompt in '{folder}': {type(error).__name__}: {error}"
        raise UsageError(message) from error
    return versions, tags, current


def _check_tags(found: Mapping[str, int]) -> None:
    if CURRENT in found:
        message = f"a tag is called {CURRENT!r}, which is the version in use"
        raise ValueError(message)


def _check_format(found: object) -> None:
    if found != FORMAT:
        message = f"the layout of its {INDEX} is {found!r}; this nbtrace reads layout {FORMAT}"
        raise ValueError(message)


def _check_numbers(versions: Sequence[int], named: set[int]) -> None:
    if len(set(versions)) != len(versions) or not named <= set(versions):
        message = f"its {INDEX} names a version twice, or one that it does not list"
        raise ValueError(message)


def _version(folder: Path, name: str, entry: Any) -> Prompt:
    language, number = entry["language"], entry["version"]
    if language not in LANGUAGES or type(number) is not int or number < 1:
        message = f"version {number!r} in {language!r} is none; expected a number from 1 and {' or '.join(LANGUAGES)}"
        raise ValueError(message)
    suffixes = {"txt", "jinja", "json"}
    path = next((path for suffix in suffixes if (path := folder / f"{number}.{suffix}").is_file()), None)
    if path is None:
        message = f"the file of version {number} is missing; expected {number}.txt, .jinja or .json"
        raise ValueError(message)
    text = path.read_bytes().decode("utf-8")
    template: Any = json.loads(text) if path.suffix == ".json" else text
    made = entry.get("made")
    origin = Origin(datetime.fromisoformat(made), entry.get("cell_id"), entry.get("execution_count")) if made else None
    prompt = Prompt(name, template, number, language=language, origin=origin)
    if prompt.hash != entry["hash"]:
        message = (
            f"{path.name} was changed after version {number} was saved; keep a changed text as a version of its own: "
            f"restore the file, and give the new text to nbtrace.prompt({name!r}, ...)"
        )
        raise ValueError(message)
    return prompt


def _index(history: History) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": history.name,
        "current": history.current.version,
        "tags": dict(sorted(history.tags.items())),
        "versions": [_entry(prompt) for prompt in history.versions],
    }


def _entry(prompt: Prompt) -> dict[str, Any]:
    origin = prompt.origin
    where: dict[str, Any] = {}
    if origin is not None:
        where = {
            "made": origin.made.isoformat(timespec="seconds"),
            "cell_id": origin.cell_id,
            "execution_count": origin.execution_count,
        }
    return {"version": prompt.version, "language": prompt.language, "hash": prompt.hash, **where}


def _file(prompt: Prompt) -> str:
    if not isinstance(prompt.template, str):
        return f"{prompt.version}.json"
    return f"{prompt.version}.{'jinja' if prompt.language == 'jinja2' else 'txt'}"


def _folder(name: str) -> str:
    """Make a name one folder's, on every system."""
    made = quote(name, safe=" ")
    return made.replace(".", "%2E") if made.strip(".") == "" else made


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, bytes for bytes."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(text.encode("utf-8", "surrogatepass"))
    beside.replace(path)
