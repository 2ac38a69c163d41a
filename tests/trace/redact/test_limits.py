"""Nothing that is kept is larger than the limits; what is cut says so, and JSON stays JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace import Session, semconv
from nbtrace._trace.redact.limits import fitted, size_of
from nbtrace._trace.redact.policy import Policy
from nbtrace.errors import UsageError
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    import openai

    from tests.trace.conftest import Ask

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2000),
    lambda inner: st.lists(inner, max_size=50) | st.dictionaries(st.text(max_size=50), inner, max_size=20),
    max_leaves=60,
)


@given(json_values, st.integers(1024, 8000))
def test_json_fits_and_stays_json(value: Any, limit: int) -> None:
    written = json.dumps([value], ensure_ascii=False)
    cut = fitted(written, limit)
    assert size_of(cut) <= limit
    assert isinstance(json.loads(cut), list)
    assert (cut == written) == (size_of(written) <= limit)
    assert json.loads(cut) == [value] or "[cut" in cut  # to leave out the spaces may do


@given(st.text(min_size=1), st.integers(1024, 5000), st.integers(1, 3000))
def test_any_text_fits(text: str, limit: int, times: int) -> None:
    cut = fitted(text * times, limit)
    assert size_of(cut) <= limit
    assert cut == text * times or "[cut: " in cut


def test_a_text_keeps_its_beginning_and_its_end() -> None:
    cut = fitted("begin " + "x" * 10_000 + " end", 2000)
    assert (cut[:6], cut[-4:], "… [cut: 8,0" in cut) == ("begin ", " end", True)


def test_of_many_messages_those_in_the_middle_are_left_out() -> None:
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": f"message {n} " + "x" * 300}]} for n in range(100)
    ]
    cut = json.loads(fitted(json.dumps(messages), 5000))
    assert (cut[0]["parts"][0]["content"][:9], cut[-1]["parts"][0]["content"][:10]) == ("message 0", "message 99")
    (left_out,) = [one for one in cut if one["role"] == "nbtrace"]
    number = 100 - len(cut) + 1
    assert left_out == {"role": "nbtrace", "parts": [{"type": "text", "content": f"… [cut: {number} more] …"}]}


def test_a_long_message_is_cut_alike_in_every_call_that_repeats_it(session: Session, client: openai.OpenAI) -> None:
    session.policy.max_content_bytes = 5000
    long: Any = {"role": "user", "content": "y" * 100_000}
    first: list[Any] = [long]
    second: list[Any] = [long, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "And?"}]
    for messages in (first, second):
        client.chat.completions.create(model="m", messages=messages)
    one, other = (span["attributes"][semconv.INPUT_MESSAGES] for span in spans(session))
    assert one[0] == other[0]
    assert "[cut: " in one[0]["parts"][0]["content"]


def test_a_call_says_what_was_cut(session: Session, ask: Ask, server: Loopback) -> None:
    session.policy.max_content_bytes = 2000
    server.reply = Reply(completion("a" * 5000))
    answer = ask("q" * 9000)
    found = only(session)
    assert answer.choices[0].message.content == "a" * 5000
    assert found[semconv.CUT] == [
        "gen_ai.input.messages: cut from 9,056 bytes, over the limit of 2,000",
        "gen_ai.output.messages: cut from 5,084 bytes, over the limit of 2,000",
    ]
    assert found[semconv.INPUT_MESSAGES][0]["parts"][0]["content"].startswith("qqq")
    assert found[semconv.USAGE_INPUT_TOKENS] == 9
    row = session.spans().table.to_pylist()[0]
    assert max(len(row[name]) for name in ("input_messages", "output_messages")) <= 2000


def test_a_secret_across_the_cut_is_masked_before_it() -> None:
    policy = Policy()
    policy.max_content_bytes = 2000
    secret = "sk-" + "0123456789abcdef" * 20
    for place in range(1300, 1600, 10):
        kept = str(policy.attributes({"text": "x" * place + " " + secret + " " + "y" * 4000})["text"])
        assert "0123456789abcdef" not in kept


def test_values_of_every_kind_are_cut() -> None:
    policy = Policy()
    policy.max_content_bytes = 2000
    given_: dict[str, Any] = {
        "list": ["x" * 5000, 1],
        "numbers": list(range(3000)),
        "bytes": b"z" * 5000,
        "map": {"a": "y" * 5000},
        "small": ["a", 1, True, None],
        "number": 10**30,
    }
    kept = policy.attributes(given_)
    cut = ("list", "numbers", "bytes", "map")
    assert max(len(json.dumps(kept[name], default=str, separators=(",", ":"))) for name in cut) < 2010
    assert (kept["small"], kept["number"]) == (["a", 1, True, None], 10**30)
    notes: Any = kept[semconv.CUT]
    assert [note.split(":")[0] for note in notes] == list(cut)


def test_fifty_megabytes_do_no_harm(session: Session, ask: Ask, server: Loopback) -> None:
    text = "All work and no play makes Jack a dull boy. " * (50 * 2**20 // 44)
    answer = ask(text)
    assert answer.choices[0].message.content == "Hello!"
    assert len(server.received[0].body) > 50 * 10**6
    found = only(session)
    assert "over the limit of 4,194,304" in found[semconv.CUT][0]
    assert session.spans().table.nbytes < 5 * 2**20


def test_events_and_statuses_are_bounded_too(session: Session) -> None:
    session.policy.max_content_bytes = 2000
    span: Any = session.tracing.start("a", attributes={})
    span.add_event("said", {"text": "x" * 50_000})
    session.tracing.fail(span, "y" * 50_000)
    session.tracing.end(span, dict)
    (row,) = session.spans().table.to_pylist()
    assert len(row["status_message"]) <= 2000
    assert "[cut: " in row["status_message"]
    assert len(str(row["events"])) < 3000


@pytest.mark.parametrize("value", [0, -1, 100, 2.5, "4", True, None])
def test_a_limit_that_is_none_is_refused(value: Any) -> None:
    policy = Policy()
    with pytest.raises(UsageError) as raised:
        policy.max_content_bytes = value
    assert str(raised.value) == f"max_content_bytes takes a number of bytes from 1,024; it got {value!r}"
