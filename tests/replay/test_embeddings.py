"""Retrieval runs from a recording: vectors come again, bit by bit, from memory and from files."""

from __future__ import annotations

import base64
import random
from array import array
from typing import TYPE_CHECKING, Any

import openai
import pytest

import nbtrace
from nbtrace import ReplayMiss, semconv
from nbtrace._replays import Replay
from tests.capture.conftest import OPTIONS
from tests.capture.loopback import Loopback, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace import Session
    from tests.capture.loopback import JSON

DIMENSIONS = 1536
RANDOM = random.Random(7)
SINGLE = [array("f", [RANDOM.gauss(0, 1) for _ in range(DIMENSIONS)]).tolist() for _ in range(3)]
"""As an API computes them: 32 bits a number."""
DOUBLE = [RANDOM.gauss(0, 1) for _ in range(DIMENSIONS)]


def embedded(*vectors: Any) -> JSON:
    data = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(vectors)]
    return {"object": "list", "model": "embed", "data": data, "usage": {"prompt_tokens": 5, "total_tokens": 5}}


def encoded(vector: list[float]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()


def ask(client: openai.OpenAI, *texts: str, **options: Any) -> list[list[float]]:
    return [one.embedding for one in client.embeddings.create(model="embed", input=list(texts), **options).data]


@pytest.mark.parametrize("form", ["base64", "float"])
@pytest.mark.parametrize("file", ["session.parquet", "session.jsonl", None])
def test_vectors_come_again(form: str, file: str | None, tmp_path: Path, server: Loopback) -> None:
    server.reply = Reply(embedded(*(map(encoded, SINGLE) if form == "base64" else [DOUBLE, *SINGLE])))
    options: Any = {} if form == "base64" else {"encoding_format": "float"}
    with openai.OpenAI(base_url=server.url, **OPTIONS) as client:
        with nbtrace.Session() as recorded:
            first = ask(client, "a", "b", "c", **options)
            source = recorded if file is None else tmp_path / file
            if file is not None:
                recorded.export(tmp_path / file)
        with nbtrace.Session() as session, Replay(session, source, "replay", "none"):
            assert ask(client, "a", "b", "c", **options) == first
    assert first[-3:] == SINGLE
    assert len(server.received) == 1


def test_what_shapes_the_vectors_is_asked_of_the_recording(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    server.reply = Reply(embedded(encoded(SINGLE[0][:256])))
    ask(client, "a", dimensions=256)
    with Replay(session, session, "replay", "none"):
        assert ask(client, "a", dimensions=256) == [SINGLE[0][:256]]
        with pytest.raises(ReplayMiss, match="options: recorded"):
            ask(client, "a", dimensions=512)


def test_equal_vectors_are_kept_once_and_many_are_kept_whole(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    many = [array("f", [float(index)] * DIMENSIONS).tolist() for index in range(600)]
    server.reply = Reply(embedded(*map(encoded, many)))
    sizes: list[int] = []
    for _ in range(2):
        ask(client, *map(str, range(600)))
        sizes.append(session.snapshot().nbytes)
    with Replay(session, session, "replay", "none"):
        assert ask(client, *map(str, range(600))) == many
    size = 600 * DIMENSIONS * 4
    assert size < sizes[0] < 1.5 * size
    assert sizes[1] - sizes[0] < size / 10


def test_vectors_are_shown_by_their_size_and_stay_here(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    from nbtrace._widgets.reading import reading

    server.reply = Reply(embedded(*map(encoded, SINGLE)))
    ask(client, "a", "b", "c")
    shown = reading(session.snapshot())["attributes"][0].as_py()
    assert f'"{semconv.EMBEDDINGS_VECTORS}": "3 vectors are kept, {3 * DIMENSIONS * 4:,} bytes"' in shown
    server.reply = Reply({})
    report = session.export(server.url.removesuffix("/v1"))
    assert "The vectors of 1 span stay here" in str(report)
    assert len(server.received[-1].body) < DIMENSIONS * 4
    with session.span("step"):
        pass
    later = session.export(server.url.removesuffix("/v1"))
    assert later.spans == 1
    assert "vectors" not in str(later)
