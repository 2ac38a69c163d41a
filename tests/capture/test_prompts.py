"""Which prompt a request holds: as it says itself, or by the text that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace import Session, semconv
from nbtrace._capture.prompts import found_in
from nbtrace._prompts.prompt import Prompt
from tests.capture.reading import spans

if TYPE_CHECKING:
    import openai


def test_the_last_prompt_among_the_messages_counts() -> None:
    first, second = Prompt("a", "A {x}", 1), Prompt("b", "B", 2)
    system = {"role": "system", "content": first.format(x=[1])}
    user = {"role": "user", "content": [{"type": "text", "text": second.format()}, {"type": "image_url"}]}
    plain = {"role": "user", "content": "A 1"}
    expected = {
        semconv.PROMPT_NAME: "a",
        semconv.PROMPT_VERSION: "1",
        semconv.PROMPT_HASH: first.hash,
        semconv.PROMPT_TEMPLATE: "A {x}",
        "gen_ai.prompt.variable.x": "[1]",
    }
    assert found_in([system, plain]) == expected
    assert found_in([system, user, plain])[semconv.PROMPT_NAME] == "b"
    assert [found_in(odd) for odd in (None, "A 1", [None, "x", {"content": None}], [plain])] == [{}, {}, {}, {}]


def prompts_of(session: Session) -> list[Any]:
    names = (semconv.PROMPT_NAME, semconv.PROMPT_VERSION, semconv.PROMPT_MATCH, "gen_ai.prompt.variable.text")
    return [[span["attributes"].get(name) for name in names] for span in spans(session)]


def test_a_call_is_of_the_prompt_that_its_message_was_made_of(session: Session, client: openai.OpenAI) -> None:
    text = session.prompt("summarize", "Summarize this: {text}").format(text="spans")
    messages = [text, "Please. " + text, f"Please. {text}", f"<{text}>", "Summarize this: cats"]
    for message in messages:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": message}])
    own, held = ["summarize", "1", None, "spans"], ["summarize", "1", "contained", "spans"]
    assert prompts_of(session) == [own, own, held, held, [None] * 4]


def test_a_chat_template_goes_to_a_client_as_it_is(session: Session, client: openai.OpenAI) -> None:
    chat: Any = session.prompt("chat", [{"role": "system", "content": "Be {text}"}, {"role": "user", "content": "Hi"}])
    client.chat.completions.create(model="m", messages=chat.format(text="kind"))
    assert prompts_of(session) == [["chat", "1", None, "kind"]]
