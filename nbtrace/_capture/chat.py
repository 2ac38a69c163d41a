"""The wire format of chat completions, OpenAI's and of all the servers that speak it."""

from __future__ import annotations

from typing import Final

from nbtrace._capture import messages, stream
from nbtrace._capture.failure import in_answer
from nbtrace._capture.wire import Wire

CHAT: Final = Wire(
    operation="chat",
    request=messages.request_attributes,
    response=messages.response_attributes,
    content=messages.content_attributes,
    fold=stream.fold,
    spoken=("messages",),
    failure=in_answer,
)
