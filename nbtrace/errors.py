"""The errors a user can meet, with their wording in one place.

Every message says what was expected, what came, and what to do next. Nothing here is raised by capture: a failure of
ours during a user's call is reported by `nbtrace._guard` and never reaches the cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class NbtraceError(Exception):
    """The base of every error that nbtrace raises on purpose."""


class UsageError(NbtraceError):
    """A call or magic got something it cannot use."""

    @classmethod
    def unknown(cls, what: str, got: object, expected: Iterable[str]) -> Self:
        """Name the value that came and the ones that would do."""
        return cls(f"unknown {what} {got!r}; expected one of: {', '.join(expected)}")


class NotFoundError(NbtraceError):
    """A trace or span that was asked for is not in the store."""


class ExportError(NbtraceError):
    """An export could not be made; the spans are still in the session."""

    @classmethod
    def destination(cls, to: object) -> Self:
        """Refuse a destination that is neither a known file type nor an OTLP endpoint."""
        return cls(
            f"cannot export to {to!r}: expected a path ending in .parquet or .jsonl, "
            "or an OTLP/HTTP endpoint such as 'http://127.0.0.1:4318'"
        )


class UnsupportedVersionError(NbtraceError):
    """An installed package is outside the range whose internals are known."""

    @classmethod
    def outside(cls, package: str, version: str, supported: str) -> Self:
        """Name the package, its version and the range that works."""
        return cls(
            f"{package} {version} is installed but nbtrace captures {package} {supported}; "
            f'its calls run untraced. Install a supported one: pip install "{package}{supported}"'
        )
