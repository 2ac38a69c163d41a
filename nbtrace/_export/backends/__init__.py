"""The backends that `nbtrace.export` knows by name: a module each, which says where its spans go and how it reads them.

A module has one `BACKEND`: the address and authorization, from the variables that the backend's users have set already;
the limits that it states; and an overlay, which says a span's facts again in the backend's own words, beside the
conventions' attributes. Where the words are from stands in the module's docstring, as an address.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nbtrace._export.backends.backend import Backend

NAMES: Final = (
    "arize", "datadog", "grafana", "honeycomb", "jaeger", "langfuse", "langsmith", "logfire", "mlflow", "otlp",
    "phoenix", "weave",
)  # fmt: skip


def find(name: str) -> Backend | None:
    """Give the backend of a name, if it is one."""
    return import_module(f"{__name__}.{name}").BACKEND if name in NAMES else None
