"""Whatever fails or ends meanwhile, a replay lets no call out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import ReplayMiss, _guard
from nbtrace._capture import call as calls
from nbtrace._capture import client as clients
from nbtrace._capture.wrapping import is_wrapped
from nbtrace._replays import Replay
from nbtrace.errors import UsageError
from tests.capture.conftest import HTTP
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.responses import response
from tests.replay.test_failures import script

if TYPE_CHECKING:
    from nbtrace import Session

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
PLACE = "_transport_for_url"


def fails(*_: object, **__: object) -> Any:
    message = "injected"
    raise OSError(message)


@pytest.fixture
def recorded(session: Session, client: openai.OpenAI, server: Loopback) -> Session:
    """Record a call that was tried twice."""
    server.reply = script(Reply({}, status=500, headers={"retry-after-ms": "1"}), Reply(completion()))
    client.with_options(max_retries=1).chat.completions.create(**ASK)
    server.reply = Reply(completion("Bye!"))
    return session


def test_a_call_between_two_attempts_gets_the_second_when_the_replay_stops(
    recorded: Session, client: openai.OpenAI, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = Replay(recorded, recorded, "replay", "none")
    with Replay(recorded, recorded, "replay", "none") as replay:
        monkeypatch.setattr(time, "sleep", lambda _: (replay.stop(), another.start()))
        patient = client.with_options(max_retries=1)
        found = patient.chat.completions.create(**ASK)
    assert found.choices[0].message.content != "Bye!"
    assert patient.chat.completions.create(**ASK).choices == found.choices
    another.stop()
    assert len(server.received) == 2
    assert not is_wrapped(HTTP.Client, PLACE)


def test_a_call_that_has_begun_when_the_replay_stops_is_refused(
    recorded: Session, client: openai.OpenAI, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = calls.Call.enter
    with Replay(recorded, recorded, "replay", "none") as replay:
        monkeypatch.setattr(calls.Call, "enter", lambda call: (replay.stop(), enter(call)))
        with pytest.raises(ReplayMiss, match="the replay is over; so nothing was sent"):
            client.chat.completions.create(**ASK)
    assert len(server.received) == 2


@pytest.mark.parametrize("fault", ["span", "context"])
async def test_a_call_that_cannot_be_read_is_refused(
    fault: str,
    recorded: Session,
    client: openai.OpenAI,
    async_client: openai.AsyncOpenAI,
    server: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_guard, "reraise", False)
    with Replay(recorded, recorded, "replay", "none") as replay:
        broken = (clients, "Call") if fault == "span" else (calls, "entered")
        monkeypatch.setattr(*broken, fails)
        with pytest.raises(ReplayMiss, match="it could not be read; see the log; so nothing was sent"):
            client.chat.completions.create(**ASK)
        with pytest.raises(ReplayMiss, match="it could not be read"):
            await async_client.chat.completions.create(**ASK)
        assert (replay.missed, len(server.received)) == (2, 2)
        server.reply = Reply({"object": "list", "data": []})
        client.models.list()
    assert len(server.received) == 3


def test_a_request_of_a_form_that_is_not_known_is_refused(
    recorded: Session, client: openai.OpenAI, server: Loopback
) -> None:
    with Replay(recorded, recorded, "replay", "none"), pytest.raises(ReplayMiss, match="nothing was sent"):
        client.post("/chat/completions", body=[ASK], cast_to=object)
    assert len(server.received) == 2


def test_a_pause_and_a_stop_let_no_call_out(recorded: Session, client: openai.OpenAI, server: Loopback) -> None:
    with Replay(recorded, recorded, "replay", "none"):
        recorded.enabled = False
        with pytest.raises(ReplayMiss, match="recording is paused, and %nbtrace on goes on"):
            client.chat.completions.create(**ASK)
        recorded.enabled = True
        with pytest.raises(UsageError, match="a replay is on"):
            recorded.stop()
    assert len(server.received) == 2


def test_where_the_http_client_is_no_longer_ours_calls_are_refused(
    recorded: Session, client: openai.OpenAI, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Replay(recorded, recorded, "replay", "none"), monkeypatch.context() as patch:
        patch.setattr(HTTP.Client, PLACE, getattr(HTTP.Client, PLACE).__wrapped__)
        with pytest.raises(ReplayMiss, match="the HTTP client's code was replaced"):
            client.chat.completions.create(**ASK)
    assert len(server.received) == 2


def test_a_response_that_is_waited_for_comes_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    queued = {"status": "queued", "output": [], "usage": None}
    server.reply = script(*(Reply({**response(), **more}) for more in (queued, queued, {})))

    def wait() -> list[tuple[Any, str]]:
        found = [client.responses.create(model="m", input="Think.", background=True)]
        while found[-1].status == "queued":
            found.append(client.responses.retrieve(found[0].id))
        return [(one.status, one.output_text) for one in found]

    first = wait()
    with Replay(session, session, "replay", "none"):
        assert wait() == first
        with pytest.raises(ReplayMiss, match="id: recorded"):
            client.responses.retrieve("resp_2")
    assert [one for one, _ in first] == ["queued", "queued", "completed"]
    assert len(server.received) == 3
