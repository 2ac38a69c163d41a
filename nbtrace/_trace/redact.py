"""What may not be stored: keys, tokens and passwords, wherever they turn up in a span.

Each mask says which rule made it. A rule that fails masks the whole value: better to lose a text than to keep a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._guard import report

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_START: Final = r"(?:\b|(?<=\\[bfnrt]))"
"""Where a word begins: also right after an escape such as `\\n`, whose letter would otherwise be part of the word."""

RULES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "private-key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    ),
    ("anthropic-key", re.compile(_START + r"sk-ant-[\w-]{16,}")),
    ("openai-key", re.compile(_START + r"sk-[\w-]{16,}")),
    ("google-key", re.compile(_START + r"AIza[\w-]{35}")),
    ("aws-key", re.compile(_START + r"(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("github-token", re.compile(_START + r"(?:gh[pousr]_\w{30,}|github_pat_\w{30,})")),
    ("huggingface-token", re.compile(_START + r"hf_[A-Za-z0-9]{24,}")),
    ("slack-token", re.compile(_START + r"xox[abprs]-[\w-]{10,}")),
    ("groq-key", re.compile(_START + r"gsk_\w{30,}")),
    ("bearer-token", re.compile(r"(?i)\b(?<=bearer )[\w.~+/-]{16,}=*")),
    ("url-password", re.compile(r"(?<=://)[^\s/:@\"'\\]*:[^\s/@\"'\\]+(?=@)")),
)
"""Name of the rule and what it masks."""

_HINTS: Final = re.compile(
    r"PRIVATE KEY|sk-|AIza|AKIA|ASIA|gh[pousr]_|github_pat_|hf_|xox|gsk_|(?i:bearer )|://[^\s/]{0,200}@"
)
"""A text without any of these passes all rules: one scan for the usual case."""


def text(value: str) -> str:
    """Mask the secrets in one text.

    Examples:
        >>> text("OpenAI(api_key='sk-proj-0123456789abcdef0123')")
        "OpenAI(api_key='[redacted: openai-key]')"
    """
    try:
        if not _HINTS.search(value):
            return value
        for name, pattern in RULES:
            value = pattern.sub(f"[redacted: {name}]", value)
    except Exception as error:  # noqa: BLE001 - fail closed, whatever the reason
        report("redact", error)
        return "[redacted: rule failed]"
    return value


_JSON: Final = frozenset(
    {semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS, semconv.TOOL_DEFINITIONS}
)
"""Attributes that must still be JSON afterwards: each text in them is masked by itself."""


def attributes(values: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Mask the secrets in the values of a span's attributes, nested ones included."""
    return {
        key: _json(value) if key in _JSON and isinstance(value, str) else _value(value) for key, value in values.items()
    }


def _json(value: str) -> str:
    try:
        if not _HINTS.search(value):
            return value
        parsed = json.loads(value)
    except Exception:  # noqa: BLE001 - no JSON, or a rule that fails: `text` knows what to do with either
        return text(value)
    return json.dumps(_value(parsed), ensure_ascii=False, separators=(",", ":"))


def _value(value: AttributeValue) -> AttributeValue:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        nested = cast("Mapping[str, AttributeValue]", value)
        return cast("AttributeValue", {_value(key): _value(inner) for key, inner in nested.items()})
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return cast("AttributeValue", [_value(inner) for inner in cast("Sequence[AttributeValue]", value)])
    return value


def span(original: ReadableSpan) -> ReadableSpan:
    """Give a span without the secrets in its name, status, events and links; its attributes are masked with the rest.

    Spans of ours have none there to begin with. Those of others do: an exception event has whatever the error said.
    """
    description = original.status.description
    if not original.events and not original.links and description is None and not _HINTS.search(str(original.name)):
        return original
    return cast("ReadableSpan", _Masked(original))


class _Masked:
    """A span read through the rules."""

    def __init__(self, original: ReadableSpan) -> None:
        status = original.status
        self._original = original
        self.name = text(str(original.name))
        self.status = Status(status.status_code, text(status.description)) if status.description else status
        self.events = [_Noted(event, name=text(str(event.name))) for event in original.events]
        self.links = [_Noted(link) for link in original.links]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _Noted:
    """An event or a link read through the rules."""

    def __init__(self, original: Any, **masked: str) -> None:
        self._original = original
        self.attributes = attributes(original.attributes or {})
        vars(self).update(masked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
