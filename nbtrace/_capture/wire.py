"""A wire format: how one endpoint's JSON becomes GenAI attributes.

Each is a set of pure functions from bodies to attributes, evaluated after the call, off its path. The client's side
(`client`, `call`, `stream`) knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

Body = Mapping[str, Any]
Attributes = dict[str, AttributeValue]

ASKED_ID: Final = "nbtrace.asked_id"
"""Where a request for something by its id has that id, beside the parameters of its query."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What one endpoint's requests and responses mean."""

    operation: str
    """`gen_ai.operation.name`."""
    request: Callable[[Body], Attributes]
    """The attributes that the request's parameters become."""
    response: Callable[[Body], Attributes]
    """The attributes that identify and measure the response."""
    content: Callable[[Body, Body | None], Attributes]
    """What was sent and received, as JSON strings."""
    fold: Callable[[list[dict[str, Any]]], dict[str, Any]]
    """The events of a stream to the body that the whole response would have had."""
    spoken: tuple[str, ...] = ()
    """Where in a request a prompt of the user's may stand."""
    failure: Callable[[str | bytes], Body | None] | None = None
    """The error object, if a response (or the last event of a stream) says that there is no answer.

    For formats that say so under a status of 200. Asked on the call's path: quick if there is nothing to tell.
    """
    is_estimable: bool = True
    """Whether the tokens of a call that reported none may be estimated from its text."""
    decode: Callable[[bytes, str], Body | None] | None = None
    """A response's bytes and type to its body, if it need not be JSON."""
