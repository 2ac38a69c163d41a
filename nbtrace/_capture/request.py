"""A request of an endpoint that is no LLM call: files, batches, vector stores, lists of models, and what comes next.

It is a plain client span, named by method and path, with what the server said of it in a status and an id. Its bodies
are not looked at, and without an operation name it counts nowhere as a call.
"""

from __future__ import annotations

import re
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture import attempts
from nbtrace._capture.call import Call
from nbtrace._capture.providers import Server
from nbtrace._capture.wire import Body, Wire
from nbtrace._trace.provider import Tracing

_WORDS: Final = frozenset(
    """
    accept activate admin_api_keys agents alerts alpha api_keys archive assistants audio audit_logs automations batches
    beta calls cancel cases certificates chat chatkit checkpoints client_secrets compact complete completions containers
    content conversations costs count_tokens deactivate edits embeddings environments evals events files file_batches
    fine-tunes fine_tuning fork generations graders groups hangup images input_items input_tokens invites items jobs
    live messages model_permissions models moderations openai organization output_items parts pause permissions
    projects rate_limits realtime refer reject remix responses results resume roles rotate run runs search
    service_accounts sessions skills speech steps submit_tool_outputs templates threads transcription_sessions
    transcriptions translations uploads usage users v1 validate variations vector_stores versions videos voices
    """.split()  # noqa: SIM905 - one word each, read as a text
)
"""The words of the API's paths; whatever else stands in one is an id, or too rare to tell."""

_SEGMENT: Final = re.compile(r"[^/]+")


def template(path: str) -> str:
    """Give a path without what varies in it.

    Examples:
        >>> template("/files/file-abc123/content")
        '/files/{id}/content'
    """
    return _SEGMENT.sub(lambda found: found[0] if found[0] in _WORDS else "{id}", path)


def _nothing(*_: Body | None) -> dict[str, AttributeValue]:
    return {}


_NO_WIRE: Final = Wire(operation="", request=_nothing, response=_nothing, content=_nothing, fold=lambda _: {})


class Request(Call):
    """A request whose bodies mean nothing to us, and its span."""

    __slots__ = ("_status",)

    def __init__(self, tracing: Tracing, server: Server, method: str, url: str) -> None:
        method, path = method.upper(), url.partition("?")[0]
        self._status: int | None = None
        given: dict[str, AttributeValue] = {
            semconv.HTTP_METHOD: method,
            semconv.URL_PATH: path,
            semconv.SERVER_ADDRESS: server.host,
        }
        if server.port is not None:
            given[semconv.SERVER_PORT] = server.port
        super().__init__(tracing, _NO_WIRE, server, {}, (f"{method} {template(path)}", given))

    def responded(self, response: Any, retries: int) -> None:
        """Take the status of the last attempt's response, and leave its body alone."""
        super().responded(response, retries)
        self._request = self._response = None
        self._status = response.status_code

    def _read(self, response: Any) -> None:
        """End the span: a stream of unknown events is not followed."""
        self.end()

    def __call__(self) -> dict[str, AttributeValue]:
        """Give what the response's status and headers say."""
        status: dict[str, AttributeValue] = {} if self._status is None else {semconv.HTTP_STATUS_CODE: self._status}
        return self._identity | self._client() | status | attempts.kept(self._headers) | self._error()
