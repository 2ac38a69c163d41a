"""What a session keeps of a span: no secrets, content as far as it is wanted, and nothing that is too large.

It is applied when a span is stored, never while the user waits, and to every span that is ever shown, running ones
included. What it cannot apply is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, get_args

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._guard import report
from nbtrace._trace.redact import content, limits
from nbtrace._trace.redact.content import ContentMode
from nbtrace._trace.redact.rules import Rules
from nbtrace.errors import UsageError

_LEAST: Final = 1024
"""Bytes; a smaller limit would cut marks and masks."""
_OF_BLOBS: Final = (semconv.EMBEDDINGS_VECTORS,)
"""What is nothing but blobs, each within the limit of blobs."""


class Policy:
    """The rules, the content mode and the limits of a session; changes hold for spans that are stored from then on."""

    def __init__(self) -> None:
        self.rules = Rules()
        self._content: ContentMode = "full"
        self._max_content_bytes = limits.MAX_CONTENT_BYTES
        self._max_blob_bytes = limits.MAX_BLOB_BYTES

    @property
    def content(self) -> ContentMode:
        """What is kept of prompts, answers, arguments, sources and whatever else is content."""
        return self._content

    @content.setter
    def content(self, value: ContentMode) -> None:
        if value not in get_args(ContentMode):
            raise UsageError.unknown("content mode", value, get_args(ContentMode))
        self._content = value

    @property
    def max_content_bytes(self) -> int:
        """Bytes kept of one attribute."""
        return self._max_content_bytes

    @max_content_bytes.setter
    def max_content_bytes(self, value: int) -> None:
        self._max_content_bytes = _checked("max_content_bytes", value)

    @property
    def max_blob_bytes(self) -> int:
        """Bytes up to which the content of an image, recording or file is kept."""
        return self._max_blob_bytes

    @max_blob_bytes.setter
    def max_blob_bytes(self, value: int) -> None:
        self._max_blob_bytes = _checked("max_blob_bytes", value, least=0)

    def attributes(self, given: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        """Give what is kept of attributes.

        Never fails: of attributes that cannot even be walked through, nothing is kept.
        """
        try:
            return self._kept(given)
        except Exception as error:  # noqa: BLE001 - fail closed, whatever the reason
            report("redact", error)
            return {semconv.INCOMPLETE: "the attributes could not be searched for secrets and are not kept"}

    def text(self, given: str, *, is_prose: bool = True) -> str:
        """Give what is kept of a text."""
        masked = self.rules.masked(given, is_prose=is_prose)
        if is_prose and self._content != "full":
            return content.hashed(masked) if self._content == "hashed" else ""
        return limits.fitted(masked, self._max_content_bytes)

    def origin(self, given: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        """Give what is kept of the attributes of a resource or a scope, which have no content."""
        return self._masked(given)[0]

    def _kept(self, given: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        made, blobs_cut = self._masked(given)
        if self._content != "full":
            return content.kept(made, self._content)
        cuts: list[str] = []
        for name, value in made.items():
            if isinstance(value, (bool, int, float)) or value is None or name in _OF_BLOBS:
                continue
            size, fitted = self._fitted(value)
            if fitted is not value:
                made[name] = fitted
                cuts.append(f"{name}: cut from {size:,} bytes, over the limit of {self._max_content_bytes:,}")
        if blobs_cut:
            cuts.append(f"blobs: {blobs_cut} without content, over the limit of {self._max_blob_bytes:,} bytes")
        return made | ({semconv.CUT: cuts} if cuts else {})

    def _masked(self, given: Mapping[str, AttributeValue]) -> tuple[dict[str, AttributeValue], int]:
        """Give attributes without secrets, and how many blobs in them were too large."""
        from nbtrace._trace.redact.masking import Masking, name_of  # with the first span that is stored

        masking = Masking(self.rules, max_blob_bytes=self._max_blob_bytes)
        return {name_of(name): masking.attribute(name, value) for name, value in given.items()}, masking.blobs_cut

    def _fitted(self, value: AttributeValue) -> tuple[int, AttributeValue]:
        """Give a value's size, and the value, or what is left of it if it is too large."""
        limit = self._max_content_bytes
        if isinstance(value, str):
            fitted = limits.fitted(value, limit)
            return (0, value) if fitted is value else (limits.size_of(value), fitted)
        if isinstance(value, bytes):
            return len(value), value if len(value) <= limit else value[:limit]
        if isinstance(value, (Mapping, Sequence)):
            if _is_small(cast("Any", value), limit):
                return 0, value
            written = json.dumps(value, ensure_ascii=False, default=str)
            size = limits.size_of(written)
            return size, value if size <= limit else json.loads(limits.fitted(written, limit))
        return 0, value


def _is_small(value: Mapping[Any, Any] | Sequence[Any], limit: int) -> bool:
    """Say of a short list of short texts or numbers, as nearly all are, that it is small."""
    return (
        not isinstance(value, Mapping)
        and all(
            isinstance(one, (int, float)) or (isinstance(one, str) and len(one) * len(value) * 4 < limit)
            for one in value
        )
        and len(value) * 32 < limit
    )


def _checked(name: str, value: int, *, least: int = _LEAST) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
        raise UsageError.least(name, value, least)
    return value
