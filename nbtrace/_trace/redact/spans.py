"""A span read through a policy: what it is stored with besides its attributes.

Our own spans have nothing to hide there but what an error says. Those of others have, and the resource and the scope
may hold what the environment or a user's set-up says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.trace import Status

from nbtrace._guard import report
from nbtrace._trace.redact.hits import mask
from nbtrace._trace.redact.policy import Policy
from nbtrace._trace.span import Resource

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_ORIGINS: Final = 64
"""Resources and scopes kept in mind; a process has one of the first and some of the second."""
_NO_RESOURCE: Final = Resource({})


class Spans:
    """Gives what is kept of spans' names, statuses, events, links, resources and scopes."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._origins: dict[int, tuple[Any, Any]] = {}

    def read(self, original: ReadableSpan) -> ReadableSpan:
        """Give a span as it is to be stored, but for its attributes.

        Never fails: of a span that cannot be read, only ids, kind and times are kept.
        """
        try:
            self._policy.rules.refresh()
            return self._read(original)
        except Exception as error:  # noqa: BLE001 - fail closed, whatever the reason
            report("redact", error)
        bare = {"events": (), "links": (), "resource": _NO_RESOURCE, "instrumentation_scope": None}
        status = Status(original.status.status_code)
        return cast("ReadableSpan", _Read(original, name=mask("rule failed"), status=status, **bare))

    def _read(self, original: ReadableSpan) -> ReadableSpan:
        policy, status = self._policy, original.status
        said = policy.text(status.description) if status.description else None
        return cast(
            "ReadableSpan",
            _Read(
                original,
                name=policy.text(str(original.name), is_prose=False),
                status=Status(status.status_code, said or None) if said != status.description else status,
                events=[self._noted(event, policy.text(str(event.name), is_prose=False)) for event in original.events],
                links=[_Read(link, attributes=policy.attributes(link.attributes or {})) for link in original.links],
                resource=self._origin(original.resource),
                instrumentation_scope=self._origin(original.instrumentation_scope),
            ),
        )

    def _noted(self, event: Any, name: str) -> Any:
        return _Read(event, name=name, attributes=self._policy.attributes(event.attributes or {}))

    def _origin(self, original: Any) -> Any:
        """Give the same object for the same resource or scope, by which the store tells that it knows it."""
        if original is None:
            return None
        known = self._origins.get(id(original))
        if known is None or known[0] is not original:
            if len(self._origins) >= _ORIGINS:
                self._origins.clear()
            kept = self._policy.origin(original.attributes or {})
            known = self._origins[id(original)] = original, _Read(original, attributes=kept)
        return known[1]


class _Read:
    """Something read through a policy: what that changed, and all else as it is."""

    def __init__(self, original: Any, **changed: Any) -> None:
        self._original = original
        vars(self).update(changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
