"""google-genai on a scripted server: its calls come by its instrumentors only, whose spans read like ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from nbtrace import Session
from tests.capture.reading import spans
from tests.frameworks.conftest import MAJOR, Activate, answers, calls, kept, outline
from tests.frameworks.scripted import BLOCKED, Scripted

pytestmark = pytest.mark.filterwarnings("default")

NAME = {2: "opentelemetry-instrumentation-google-genai", 3: "openinference-instrumentation-google-genai"}[MAJOR]


OPENAI_2 = 2
"""The environment with OpenTelemetry's instrumentor."""


@pytest.fixture
async def client(server: Scripted) -> AsyncGenerator[Any]:
    from google import genai

    made = genai.Client(api_key="local", http_options={"base_url": f"http://127.0.0.1:{server.port}"})
    yield made
    made.close()
    await made.aio.aclose()


@pytest.mark.parametrize("way", ["whole", "streamed", "async"])
async def test_a_call_is_one_span_in_the_conventions_words(
    way: str, client: Any, session: Session, activate: Activate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    activate(NAME)
    asked: dict[str, Any] = {"model": "gemini-2.5-flash", "contents": "Say hello."}
    with session.span("step"):
        if way == "whole":
            text = client.models.generate_content(**asked).text
        elif way == "streamed":
            text = "".join(chunk.text for chunk in client.models.generate_content_stream(**asked))
        else:
            text = (await client.aio.models.generate_content(**asked)).text
    assert text == "Hello!"
    assert calls(session) == (1, 9, 3)
    first, call = outline(session)
    assert (first, call[:2], call.split(": ")[1]) == ("step: chain", "  ", "llm 9.0 > 3.0")
    assert answers(session) == ["Hello!"]
    (said,) = [*kept(session, "chat"), *kept(session, "generate_content")]
    assert said["gen_ai.provider.name"] == "gcp.gemini"
    assert said["gen_ai.request.model"] == "gemini-2.5-flash"
    assert said["gen_ai.input.messages"][0]["parts"][0]["content"] == "Say hello."


@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_a_prompt_that_a_filter_blocked_is_flagged_where_the_instrumentor_tells(
    way: str, client: Any, session: Session, activate: Activate
) -> None:
    """OpenTelemetry's says of such a call that there was no answer, and not why."""
    activate(NAME)
    asked: dict[str, Any] = {"model": "gemini-2.5-flash", "contents": BLOCKED}
    models = client.models
    answer = models.generate_content(**asked) if way == "whole" else next(iter(models.generate_content_stream(**asked)))
    assert answer.prompt_feedback.block_reason == "PROHIBITED_CONTENT"
    (said,) = [span["attributes"] for span in spans(session)]
    assert said.get("nbtrace.refusal") == (None if MAJOR == OPENAI_2 else "prompt")
    assert ("PROHIBITED_CONTENT" in said.get("nbtrace.content_filter", "")) is (MAJOR != OPENAI_2)


async def test_without_an_instrumentor_there_is_nothing_to_see(client: Any, session: Session) -> None:
    client.models.generate_content(model="gemini-2.5-flash", contents="Say hello.")
    assert calls(session) == (0, None, None)
