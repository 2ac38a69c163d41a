"""The current OpenTelemetry context, read and set where each call of a model is made.

The API's own functions come to the same by two calls of Python's each, of which such a call would make a dozen.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

current: Callable[[], Context]
"""Give the current context."""
attach: Callable[[Context], Token[Context]]
"""Make a context the current one; gives what `detach` takes."""
detach: Callable[[Token[Context]], None]
"""Make the context before it the current one again.

Raises:
    ValueError: it was attached in another task or thread.
"""

_variable: Any = getattr(getattr(otel_context, "_RUNTIME_CONTEXT", None), "_current_context", None)
if isinstance(_variable, ContextVar):  # unless `OTEL_PYTHON_CONTEXT` names another kind
    current, attach, detach = _variable.get, _variable.set, _variable.reset
else:
    current, attach, detach = otel_context.get_current, otel_context.attach, otel_context.detach


def leave(token: Token[Context]) -> None:
    """Make the context before it the current one again, unless it was attached elsewhere.

    The block of an async generator that nobody reads on is left in another task than it was entered in. OpenTelemetry's
    own `detach` logs a traceback then.
    """
    with suppress(ValueError):
        detach(token)
