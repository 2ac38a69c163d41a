"""The client's methods are wrapped beside whoever else wraps them, and left as they were."""

from __future__ import annotations

import functools
from importlib.metadata import version as installed
from typing import Any

import openai
import pytest
import wrapt
from openai._base_client import AsyncAPIClient, SyncAPIClient

from nbtrace import Session
from nbtrace._capture import client as capture_module
from nbtrace._capture.client import ClientCapture
from tests.capture.loopback import Loopback

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}


def wrapped() -> tuple[Any, Any]:
    return SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"]


def test_wrapping_is_undone_exactly() -> None:
    before = wrapped()
    with Session() as session:
        during = wrapped()
        assert session.start() is session
        assert wrapped() == during
        assert [method.__wrapped__ for method in during] == list(before)
        assert [method.__name__ for method in during] == ["request", "request"]
    session.stop()
    assert wrapped() == before


def test_a_wrapper_of_somebody_else_on_top_survives(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    session = Session().start()
    ours = SyncAPIClient.__dict__["request"]

    @functools.wraps(ours)
    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("theirs")
        return ours(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(SyncAPIClient, "request", theirs)
        session.stop()
        assert SyncAPIClient.__dict__["request"] is theirs
        assert client.chat.completions.create(**ASK).id == "chatcmpl-1"
        assert (seen, len(session.spans())) == (["theirs"], 0)
        with session:
            client.chat.completions.create(**ASK)
            assert len(session.spans()) == 1
        assert SyncAPIClient.__dict__["request"] is theirs
    SyncAPIClient.request = ours.__wrapped__  # what stood before any of this


def test_a_wrapper_of_somebody_else_below_stays(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    original = SyncAPIClient.__dict__["request"]

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("theirs")
        return original(self, *args, **kwargs)

    monkeypatch.setattr(SyncAPIClient, "request", theirs)
    with Session() as session:
        client.chat.completions.create(**ASK)
    assert SyncAPIClient.__dict__["request"] is theirs
    assert (seen, len(session.spans())) == (["theirs"], 1)


@pytest.mark.parametrize(
    ("version", "supported"), [("1.109.1", False), ("2.0.0", True), ("3.99.0", True), ("4.0.0", False)]
)
def test_a_version_outside_the_range_is_left_alone_and_told(
    version: str, *, supported: bool, monkeypatch: pytest.MonkeyPatch, client: openai.OpenAI
) -> None:
    problem = (
        f"openai {version} is installed but nbtrace captures openai >=2,<4; its calls run untraced. "
        'Install a supported one: pip install "openai>=2,<4"'
    )
    monkeypatch.setattr(capture_module, "version", lambda name: version if name == "openai" else installed(name))
    before = wrapped()
    with Session() as session:
        assert session.problems == (() if supported else (problem,))
        assert (wrapped() != before) is supported
        assert client.chat.completions.create(**ASK).id == "chatcmpl-1"
    assert len(session.spans()) == int(supported)


@pytest.mark.parametrize("kind", [openai.OpenAI, SyncAPIClient])
def test_what_others_put_back_later_hides_nothing_and_doubles_nothing(kind: Any, client: openai.OpenAI) -> None:
    """As instrumentors do: they wrap what they find, our wrapper, and put it back when ours is gone or another."""
    before = vars(kind).get("request")
    with Session() as first:
        ours = kind.request

        def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
            return ours(self, *args, **kwargs)

        kind.request = functools.wraps(ours)(theirs)
        client.chat.completions.create(**ASK)
    client.chat.completions.create(**ASK)
    with Session() as second:
        client.chat.completions.create(**ASK)
        kind.request = ours
        client.chat.completions.create(**ASK)
    kind.request = ours
    client.chat.completions.create(**ASK)
    with Session() as third:
        client.chat.completions.create(**ASK)
    assert [len(session.spans()) for session in (first, second, third)] == [1, 2, 1]
    if before is not None:
        kind.request = before
    assert vars(kind).get("request") is before


@pytest.mark.parametrize("kind", [openai.OpenAI, SyncAPIClient])
def test_who_wrapped_before_us_is_wrapped_and_may_put_back_what_there_was(kind: Any, client: openai.OpenAI) -> None:
    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        assert isinstance(instance, openai.OpenAI)
        seen.append(wrapped.__name__)
        return wrapped(*args, **kwargs)

    seen: list[str] = []
    own, found = vars(kind).get("request"), kind.request
    wrapt.wrap_function_wrapper(kind, "request", theirs)
    wrapper = vars(kind)["request"]
    with Session() as session:
        client.chat.completions.create(**ASK)
    assert vars(kind)["request"] is wrapper
    with session:
        kind.request = found
        assert session.problems == (
            "calls of openai run untraced: it was loaded again, or unwrapped by others; %nbtrace on captures it",
        )
        session.refresh()
        client.chat.completions.create(**ASK)
    assert (seen, len(session.spans()), vars(kind)["request"]) == (["request"], 2, found)
    if own is None:
        del kind.request


def test_capture_can_be_closed_twice(session: Session) -> None:
    capture = ClientCapture(session.tracing)
    before = wrapped()
    capture.open()
    capture.close()
    capture.close()
    assert wrapped() == before


def test_a_session_that_ends_while_a_call_begins_leaves_the_call_alone(
    server: Loopback, client: openai.OpenAI, swallow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session().start()

    def ends() -> None:
        session.stop()
        message = "in the middle"
        raise RuntimeError(message)

    monkeypatch.setattr("nbtrace._capture.wrappers.under_way", ends)
    assert client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}]).choices
    assert (len(server.received), swallow()) == (1, {"capture: RuntimeError": 1})
