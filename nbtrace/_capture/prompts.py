"""Which rendered prompt a request holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._prompts.text import PromptText, held_in


def found_in(*spoken: object) -> dict[str, AttributeValue]:
    """Give the prompt attributes of a request: those of the last rendered prompt in what it says.

    Args:
        *spoken: texts, or lists of parts or of messages whose content is text or parts.
    """
    for text in _texts(spoken):
        if isinstance(text, PromptText):
            return text.prompt.attributes(text.variables)
    return {}


def made_of(rendered: Iterable[PromptText], *spoken: object) -> dict[str, AttributeValue]:
    """Give the prompt attributes of a request whose last message holds a rendered prompt, and does not know it.

    An f-string or `str.join` around a rendered prompt forgets it; so does a copy through JSON.

    Args:
        rendered: the last prompts that were rendered before the request was made.
        *spoken: as `found_in` takes.
    """
    for text in _texts(spoken):
        if isinstance(text, str) and (source := held_in(text, rendered)) is not None:
            return source.prompt.attributes(source.variables) | {semconv.PROMPT_MATCH: "contained"}
    return {}


def _texts(spoken: tuple[object, ...]) -> Iterator[object]:
    """Give the texts of a request, the last first."""
    for said in reversed(spoken):
        messages = cast("list[Any]", said) if isinstance(said, list) else [said]
        for message in reversed(messages):
            content = message.get("content", [message]) if isinstance(message, dict) else message
            parts = reversed(content) if isinstance(content, list) else (content,)
            for part in parts:
                yield part.get("text") if isinstance(part, dict) else part
