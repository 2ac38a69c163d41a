"""What tests of calls that two instrumentations see say of them, and read."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from nbtrace import Session
from nbtrace._query.totals import summarize
from tests.capture.reading import spans

LLM = {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 9}
"""What another instrumentation says of the same call."""


def sent(text: str) -> dict[str, Any]:
    """Give what says that a text was sent."""
    return {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": text}


HELLO_SENT = sent("Say hello.")
"""What `ask` sends."""


@contextmanager
def beside(provider: TracerProvider, **attributes: Any) -> Generator[Any]:
    """Make a span of another instrumentation that does not become the current one, as LangChain's do not."""
    span = provider.get_tracer("other").start_span("other", attributes=attributes)
    yield span
    span.end()


def around(provider: TracerProvider, **attributes: Any) -> AbstractContextManager[Any]:
    """Make a span of another instrumentation the current one."""
    given = {key.replace("__", "."): value for key, value in attributes.items()}
    return provider.get_tracer("other").start_as_current_span("other", attributes=given)


def seen(session: Session) -> dict[int, tuple[Any, ...]]:
    """Give of each span: its operation, its type, which other spans were merged into it."""
    return {
        span["id"]: tuple(
            span["attributes"].get(key)
            for key in ("gen_ai.operation.name", "nbtrace.span.type", "nbtrace.also_seen_as")
        )
        for span in spans(session)
    }


def parents(session: Session) -> dict[int, int | None]:
    return {span["id"]: span["parent"] for span in spans(session)}


def calls(session: Session) -> tuple[int, int | None]:
    total = summarize(session.store.snapshot())
    return total.calls, total.input_tokens


CALL = ("chat", None, None)


STEP = (None, "chain", None)


def seen_as(*span_ids: int) -> tuple[Any, ...]:
    return ("chat", None, [f"{span_id:016x}" for span_id in span_ids])


GIVEN = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
"""What a call of ours says when it begins."""


def said(text: str, response: str | None = None) -> dict[str, Any]:
    """Give what a call of ours says once it is over."""
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])
    return {"gen_ai.input.messages": asked} | ({"gen_ai.response.id": response} if response else {})


def users_of(session: Session) -> list[tuple[Any, Any]]:
    """Give of each call for whom it was made: as it says itself, and as the span that repeats it says."""
    attributes = [span["attributes"] for span in spans(session)]
    return [(one.get("mine"), one.get("theirs")) for one in attributes if "gen_ai.operation.name" in one]


SEVERAL = range(4)
OWN = [(str(number), str(number)) for number in SEVERAL]
