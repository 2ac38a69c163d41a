"""What stands in a notebook's file, and where."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from nbtrace.errors import NotFoundError

_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BYTES: Final = re.compile(r"(data:[\w.+-]{0,80}/?[\w.+-]{0,80}(?:;[\w=.+-]{0,80}){0,4};base64,)[A-Za-z0-9+/=_-]+")
_MARKUP: Final = ("text/html", "image/svg+xml")
_NO_TEXT: Final = ("image/", "audio/", "video/", "application/pdf", "application/octet-stream")


class Piece(NamedTuple):
    """A part of a notebook's file."""

    where: str
    value: Any
    """A text, or what JSON can say."""


def read(path: Path) -> dict[str, Any]:
    """Read a notebook's file.

    Raises:
        NotFoundError: there is none, or it is no notebook.
    """
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"the notebook {path} cannot be read: {type(error).__name__}; is it saved?"
        raise NotFoundError(message) from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        message = f"{path} is no notebook of format 4: it has no list of cells"
        raise NotFoundError(message)
    return cast("dict[str, Any]", document)


def pieces(document: dict[str, Any]) -> Iterator[Piece]:
    """Give what stands in a notebook, and where: sources, outputs and metadata, but no images and recordings."""
    yield Piece("notebook metadata", document.get("metadata"))
    for number, cell in enumerate(document["cells"], 1):
        count = cell.get("execution_count")
        where = f"cell {number}" + ("" if count is None else f" [{count}]")
        yield Piece(f"{where}, source", _text(cell.get("source")))
        yield Piece(f"{where}, metadata", cell.get("metadata"))
        for place, output in enumerate(cell.get("outputs") or (), 1):
            for kind, value in _contents(output):
                yield Piece(f"{where}, output {place} ({kind})", value)


def _contents(output: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    match output.get("output_type"):
        case "stream":
            yield str(output.get("name")), _text(output.get("text"))
        case "error":
            said = [output.get("ename"), output.get("evalue"), *(output.get("traceback") or ())]
            yield "error", _text([f"{line}\n" for line in said])
        case _:
            for kind, value in (output.get("data") or {}).items():
                if kind in _MARKUP:
                    yield kind, html.unescape(_text(value))
                elif not kind.startswith(_NO_TEXT):
                    yield kind, value if isinstance(value, dict) else _text(value)


def _text(lines: Any) -> str:
    joined = "".join(map(str, cast("list[object]", lines))) if isinstance(lines, list) else str(lines or "")
    return _BYTES.sub(r"\1", _ANSI.sub("", joined))
