"""Jaeger 2: https://www.jaegertracing.io/docs/latest/apis/.

It is an OpenTelemetry collector: it takes spans as they are and shows every attribute as a tag. Its address is that of
the standard variables, or the local one.
"""

from __future__ import annotations

from typing import Final

from nbtrace._export.backends.backend import Backend
from nbtrace._export.backends.otlp import standard

BACKEND: Final = Backend("jaeger", standard)
