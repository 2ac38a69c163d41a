"""What is in a call, a cell or somebody else's span is stored without its secrets, all of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import Session, semconv
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only, spans
from tests.trace.redact.secrets import KEYS, PRIVATE_KEY

if TYPE_CHECKING:
    from tests.trace.conftest import Ask

SECRETS = {
    "private-key": PRIVATE_KEY,
    "openai-key": KEYS["openai-key"][0],
    "aws-key": KEYS["aws-key"][0],
    "bearer-token": "Bearer eyJhbGciOi.eyJzdWIi.SflKxw+/~-_==",
    "url-password": "postgres://user:p455word!@db.example.org/x",
    "password": "password='hunter2 hunter2'",
    "api-key": '{"x-api-key": "0123456789abcdef0123"}',
}
MASKED = {
    "bearer-token": "Bearer [redacted: bearer-token]",
    "url-password": "postgres://[redacted: url-password]@db.example.org/x",
    "password": "password='[redacted: password]'",
    "api-key": '{"x-api-key": "[redacted: api-key]"}',
}


@pytest.mark.parametrize("rule", SECRETS)
def test_a_secret_in_a_call_is_stored_nowhere(rule: str, server: Loopback, ask: Ask, session: Session) -> None:
    secret, masked = SECRETS[rule], MASKED.get(rule, f"[redacted: {rule}]")
    server.reply = Reply(completion(f"You said:\n{secret}"))
    prompt = session.prompt("p", "Tell me about {thing}, not:\n" + secret.replace("{", "{{").replace("}", "}}"))
    tool: Any = {"type": "function", "function": {"name": "f", "description": f"uses:\n{secret}"}}
    answer = ask(prompt.format(thing=secret), tools=[tool], stop=[secret])
    assert secret in answer.choices[0].message.content
    server.reply = Reply({"error": {"message": f"no:\n{secret}"}}, status=400)
    with pytest.raises(openai.BadRequestError, match=r"no:"):
        ask(secret)
    stored = str(session.spans().table.to_pylist())
    for part in re.split(r"\s+|://|@|'|\"", secret):
        if len(part) > 8 and part not in masked:
            assert part not in stored
    call, failed = spans(session)
    assert call["attributes"][semconv.PROMPT_VARIABLE + "thing"] == masked
    assert call["attributes"][semconv.OUTPUT_MESSAGES][0]["parts"][0]["content"] == f"You said:\n{masked}"
    assert f"[redacted: {rule}]" in failed["message"]


def test_a_secret_in_a_cell_is_not_stored(session: Session) -> None:
    span = session.tracing.start("cell [1]", attributes={semconv.SPAN_TYPE: "cell"})
    source = f"key = 'a:\\n{SECRETS['openai-key']}'"
    session.tracing.end(span, lambda: {semconv.CELL_SOURCE: source})
    assert only(session)[semconv.CELL_SOURCE] == "key = 'a:\\n[redacted: openai-key]'"
