"""The rules applied to attributes: texts, JSON texts, lists and maps, each value also under its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.redact import blobs, headers, keys, tokens
from nbtrace._trace.redact.content import is_metadata
from nbtrace._trace.redact.hits import mask, replaced
from nbtrace._trace.redact.limits import MAX_BLOB_BYTES
from nbtrace._trace.redact.names import kind_of
from nbtrace._trace.redact.rules import Rules
from nbtrace._trace.redact.shape import shape_of
from nbtrace._trace.redact.values import secret_part

_SMALLEST_PASSWORD: Final = 1000
"""A number under a password's name is one from here on; smaller ones are lengths and counts."""
_SMALLEST_NUMBER: Final = 10**7
"""A number from here on may be that of a card or an account."""


_FORM: Final = frozenset({"role", "type", "finish_reason", "modality", "mime_type", "sha256"})
"""Fields of a message that nobody writes prose into."""


class Masking:
    """One look through attributes.

    Args:
        rules: what is masked.
        max_blob_bytes: the size up to which the content of a blob is kept.
    """

    def __init__(self, rules: Rules, *, max_blob_bytes: int = MAX_BLOB_BYTES) -> None:
        self._rules = rules
        self._max_blob_bytes = max_blob_bytes
        self._is_prose = True
        self.blobs_cut = 0
        """How many blobs were too large."""

    def attribute(self, name: str, value: AttributeValue) -> AttributeValue:
        """Mask the secrets in an attribute's value."""
        if headers.is_hidden(name):
            return mask(headers.RULE)
        self._is_prose = not is_metadata(name)
        if name == semconv.LOGPROBS and isinstance(value, str):
            return tokens.masked(value, self._value, self._rules.hits)
        return cast("AttributeValue", self._named(name, value))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[Any, Any]", value))
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return [self._value(inner) for inner in cast("Sequence[Any]", value)]
        if isinstance(value, int) and value >= _SMALLEST_NUMBER:
            written = str(value)
            return value if (masked := self._masked(written)) == written else masked
        return value

    def _masked(self, text: str) -> str:
        return self._rules.masked(text, is_prose=self._is_prose)

    def _text(self, text: str) -> str:
        """Mask the secrets in a text; one that is JSON is JSON afterwards."""
        if text[:1] not in ("{", "["):
            return text if (start := blobs.data_url(text)) and self._fits(text, start) else self._short(text, start)
        is_walked = blobs.signs_of(text) or headers.LUMP_SIGN in text or (self._is_prose and self._rules.reads_prose)
        masked = text if is_walked else self._masked(text)
        if masked is text and not is_walked and "\\u" not in text and "\\/" not in text:
            return text
        try:
            parsed: Any = json.loads(text)
            walked = self._value(parsed)
            if walked == parsed:
                return text
            return masked if _is_written(walked, masked) else _dumps(walked)
        except (ValueError, RecursionError):  # no JSON after all, or nested too deep
            return self._masked(text)

    def _fits(self, url: str, start: int) -> bool:
        return blobs.size_of(url[start:]) <= self._max_blob_bytes

    def _short(self, text: str, start: int | None) -> str:
        if start is None:
            return self._masked(text)
        self.blobs_cut += 1
        content = text[start:]
        return f"{text[:start]}… [cut: {blobs.left_out(content)}, sha256 {blobs.digest(content)}]"

    def _mapping(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        if blobs.is_blob(values):
            return self._blob(values)
        return {
            name_of(name) if isinstance(name, str) else name: self._named(name, value) for name, value in values.items()
        }

    def _blob(self, part: Mapping[Any, Any]) -> dict[Any, Any]:
        rest = {name: self._named(name, value) for name, value in part.items() if name != "content"}
        if blobs.size_of(part["content"]) <= self._max_blob_bytes:
            return {name: part[name] if name == "content" else rest[name] for name in part}
        self.blobs_cut += 1
        return blobs.without_content({**rest, "content": part["content"]})

    def _named(self, name: object, value: Any) -> Any:
        """Mask a value that its name says is a secret, and the secrets in any other."""
        kind = kind_of(name) if isinstance(name, str) else None
        if name in headers.LUMPS and isinstance(value, Mapping):
            return {
                header: one if headers.is_kept(str(header)) else mask(headers.RULE)
                for header, one in cast("Mapping[Any, Any]", value).items()
            }
        if kind is None and isinstance(value, str) and name in _FORM:
            return self._rules.masked(value, is_prose=False)
        if kind is None or isinstance(value, (Mapping, bytes)):
            return self._value(value)
        if isinstance(value, str):
            part = secret_part(kind, value)
            return self._value(value) if part is None else value[: part[0]] + mask(kind) + value[part[1] :]
        if isinstance(value, Sequence):
            return [self._named(name, inner) for inner in cast("Sequence[Any]", value)]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return mask(kind) if kind == "password" and is_number and value >= _SMALLEST_PASSWORD else self._value(value)


@lru_cache(maxsize=4096)
def name_of(name: str) -> str:
    """Mask the keys in a name, which is no text of anybody's: few rules apply, and names stay apart if one fails."""
    return replaced(name, found) if (found := keys.find(name, shape_of(name))) else name


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_written(value: object, written: str) -> bool:
    """Say whether a text, which keeps the spaces as they were, is this value's JSON already."""
    try:
        return json.loads(written) == value
    except ValueError:
        return False
