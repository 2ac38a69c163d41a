"""Brings the spans of other instrumentations to the names that the store knows: current `gen_ai.*` and `nbtrace.*`.

Each dialect is a table and a few functions in a module of its own. What a span said is kept under its own names, a
canonical name that it had already wins, and a dialect that fails costs only what it would have added. Spans that speak
the current conventions pass unchanged, but for a provider or an operation that they call by another name than the
conventions do, and for a refusal, which those have no name for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._guard import guard
from nbtrace._trace.dialects import flat, mlflow, older, openinference, pydantic_ai, refusals, traceloop

Attributes = Mapping[str, AttributeValue]
Dialect = Callable[[Attributes, Iterable[Any], str], dict[str, AttributeValue]]
"""Reads a span's attributes, its events and the name of its scope; gives canonical attributes."""

DIALECTS: Final[tuple[Dialect, ...]] = (openinference.read, traceloop.read, pydantic_ai.read, mlflow.read, older.read)
"""The first to know a value has it: the special ones come before the general one."""


def canonical(attributes: Attributes, events: Iterable[Any], scope_name: str) -> dict[str, AttributeValue]:
    """Give a span's attributes with the canonical ones that they mean.

    Args:
        attributes: those of a span that is not ours.
        events: its events, each with a name and attributes.
        scope_name: what made it.

    Examples:
        >>> canonical({"gen_ai.system": "openai"}, [], "some.instrumentation")
        {'gen_ai.provider.name': 'openai', 'gen_ai.system': 'openai'}
    """
    made: dict[str, AttributeValue] = {}
    for read in DIALECTS:
        with guard("dialects"):
            made = read(attributes, events, scope_name) | made
    made |= attributes
    if (provider := made.get(semconv.PROVIDER_NAME)) is not None:
        made[semconv.PROVIDER_NAME] = flat.provider(provider)  # some say `gemini`, which the conventions do not know
    if (operation := flat.OPERATIONS.get(str(made.get(semconv.OPERATION_NAME)))) is not None:
        made[semconv.OPERATION_NAME] = operation
    with guard("dialects"):
        made |= refusals.read(made, events)
    return made
