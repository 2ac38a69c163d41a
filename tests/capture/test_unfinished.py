"""Streams that are left: shown with what had arrived, read on later, ended once."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import semconv
from nbtrace._capture import unfinished
from nbtrace._query.totals import summarize
from nbtrace._query.tree import tree
from nbtrace._widgets.static import headline, tree_text
from nbtrace._widgets.summary import summary_text
from tests.capture.loopback import HELLO, Loopback, Reply, chunk
from tests.capture.reading import spans

if TYPE_CHECKING:
    from nbtrace import Session

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}], "stream": True}


@pytest.fixture(autouse=True)
def none_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without the streams of earlier tests that wait for the garbage collection."""
    monkeypatch.setattr(unfinished, "_OPEN", weakref.WeakValueDictionary[int, unfinished.Unfinished]())


def seen(session: Session) -> tuple[bool, str, int, str | None]:
    """Give what is to be seen of the one stream."""
    (span,) = spans(session)
    attributes = span["attributes"]
    said = attributes.get(semconv.OUTPUT_MESSAGES)
    text = said[0]["parts"][0]["content"] if said and said[0]["parts"] else None
    return span["running"], attributes[semconv.STREAM_OUTCOME], attributes[semconv.STREAM_CHUNKS], text


def test_a_stream_is_seen_while_it_is_read(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK)
    views = [(len(one.choices), seen(session)) for one in stream]
    assert [view for _, view in views] == [
        (True, "unfinished", 1, None),
        (True, "unfinished", 2, "Hel"),
        (True, "unfinished", 3, "Hello!"),
        (True, "unfinished", 4, "Hello!"),
        (True, "unfinished", 5, "Hello!"),
    ]
    assert seen(session) == (False, "exhausted", 5, "Hello!")


async def test_an_async_one_too(server: Loopback, async_client: openai.AsyncOpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = await async_client.chat.completions.create(**ASK)
    await anext(stream)
    await anext(stream)
    assert seen(session) == (True, "unfinished", 2, "Hel")
    async for _ in stream:
        pass
    assert seen(session) == (False, "exhausted", 5, "Hello!")


def test_one_that_nobody_has_begun_to_read_is_seen_at_the_end_of_the_cell(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK)
    unfinished.tell_all()
    assert seen(session) == (True, "unfinished", 0, None)
    assert len(list(stream)) == 5
    assert seen(session) == (False, "exhausted", 5, "Hello!")


def test_it_is_told_at_first_and_at_the_end_of_the_cell(
    server: Loopback, client: openai.OpenAI, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "PAUSE_NS", 10**18)
    server.reply = Reply(chunks=HELLO)
    revisions = [session.store.revision]

    def told() -> bool:
        revisions.append(session.store.revision)
        return revisions[-1] > revisions[-2]

    stream = client.chat.completions.create(**ASK)
    assert told()  # the span's start
    next(stream)
    assert told()
    next(stream)
    assert not told()
    unfinished.tell_all()
    assert told()
    unfinished.tell_all()
    assert not told()
    stream.close()
    assert told()
    assert unfinished._OPEN == {}


def test_it_is_told_as_often_as_looking_is_cheap(
    server: Loopback, client: openai.OpenAI, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "PAUSE_NS", 0)
    monkeypatch.setattr(unfinished, "SHARE", 0)
    server.reply = Reply(chunks=HELLO)
    changes: list[int] = []
    stream = client.chat.completions.create(**ASK)
    unsubscribe = session.store.subscribe(lambda: changes.append(len(spans(session))))
    list(stream)
    unsubscribe()
    assert len(changes) == len(HELLO) + 2  # each event, the closing [DONE] too, and the end


def test_what_is_seen_costs_no_second_look(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK)
    next(stream)
    unfinished.tell_all()
    (known,) = unfinished._OPEN.values()
    assert known() is known()
    next(stream)
    assert known()[semconv.STREAM_CHUNKS] == 2


def test_looking_does_not_keep_a_stream_alive(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO[:2], then="hold")
    stream = client.chat.completions.create(**ASK)
    next(stream)
    assert seen(session) == (True, "unfinished", 1, None)
    (known,) = unfinished._OPEN.values()
    del stream
    gc.collect()
    assert seen(session)[:2] == (False, "abandoned")
    assert (known(), unfinished._OPEN) == ({}, {})


def test_a_stream_is_looked_at_from_another_thread_while_it_comes(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=[chunk({"content": "x"}) for _ in range(400)])
    over = threading.Event()
    looks: list[tuple[int, int]] = []

    def look() -> None:
        while not over.is_set():
            for span in spans(session):
                said = span["attributes"].get(semconv.OUTPUT_MESSAGES)
                text = said[0]["parts"][0]["content"] if said else ""
                looks.append((span["attributes"].get(semconv.STREAM_CHUNKS, 0), len(text)))

    looker = threading.Thread(target=look)
    looker.start()
    assert len(list(client.chat.completions.create(**ASK))) == 400
    over.set()
    looker.join()
    assert all(chunks == length for chunks, length in looks)
    assert looks == sorted(looks)
    assert seen(session) == (False, "exhausted", 400, "x" * 400)


def test_of_a_raw_response_that_is_left(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    create = client.chat.completions.with_streaming_response.create
    with create(**ASK) as response:
        lines = response.iter_lines()
        assert next(line for line in lines if "Hel" in line)
        running, outcome, chunks, text = seen(session)
        assert (running, outcome, chunks >= 2, (text or "").startswith("Hel")) == (True, "unfinished", True, True)
    assert not seen(session)[0]


def test_the_words_for_it(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(**ASK)
    next(stream)
    next(stream)
    table = session.store.snapshot()
    assert summary_text(summarize(table)) == ("1 LLM call · gpt-4o-mini-2024-07-18 · 3 → 1 tokens · 1 unfinished")
    assert repr(session.spans()).endswith("1 unfinished>")
    assert headline(tree(table)).endswith(" · 1 unfinished")
    assert "unfinished" in tree_text(tree(table)).splitlines()[1]
    stream.close()
    assert "unfinished" not in summary_text(summarize(session.store.snapshot()))
