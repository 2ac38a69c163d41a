"""What makes the spans: the process as an OpenTelemetry resource, and nbtrace as an instrumentation scope.

The SDK's own way to a resource runs every installed detector, and some of them ask the network.
"""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import PurePath, PureWindowsPath
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace import span as own


def notebook() -> str | None:
    """Give the path or name of the notebook that runs, or None where its host does not tell.

    Jupyter's server says it in `JPY_SESSION_NAME`, VS Code in the variable `__vsc_ipynb_file__`.
    """
    named = os.environ.get("JPY_SESSION_NAME")
    ipython: Any = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if not named and ipython is not None else None
    named = named or getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
    return str(named) if named else None


def resource(version: str) -> own.Resource:
    """Describe this process, as the environment says it: `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`.

    The service is named after the notebook otherwise.

    Args:
        version: nbtrace's.
    """
    named = _file_name()
    found: dict[str, AttributeValue] = {
        "service.name": PurePath(named).stem if named else "notebook",
        "service.instance.id": _instance(),
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": own.SCOPE_NAME,
        "telemetry.sdk.version": version,
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
    }
    for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, equals, value = pair.partition("=")
        if equals and key.strip():
            found[key.strip()] = unquote(value.strip())
    if service := os.environ.get("OTEL_SERVICE_NAME"):
        found["service.name"] = service
    return own.Resource(found)


def scope(version: str) -> own.Scope:
    """Describe nbtrace, and what a user's own resource does not say: the recording, and the notebook."""
    named = _file_name()
    attributes: dict[str, AttributeValue] = {semconv.RECORDING_ID: f"{own.RANDOM_IDS.generate_trace_id():032x}"}
    if named:
        attributes[semconv.NOTEBOOK_NAME] = named
    return own.Scope(own.SCOPE_NAME, version, semconv.SCHEMA_URL, attributes)


@cache
def _instance() -> str:
    """Name this process, by a random UUID as the conventions want it."""
    return str(UUID(int=own.RANDOM_IDS.generate_trace_id(), version=4))


def _file_name() -> str:
    """Give the last part of the notebook's path, which may be one of another system than the kernel's."""
    path = notebook() or ""
    return PureWindowsPath(path).name if "\\" in path else PurePath(path).name
