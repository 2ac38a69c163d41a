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
    ("anthropic-key", re.compile(r"sk-ant-(?:(?<!\wsk-ant-)|(?<=\\[bfnrt]sk-ant-))[\w-]{16,}")),
    ("openai-key", re.compile(r"sk-(?:(?<!\wsk-)|(?<=\\[bfnrt]sk-))[\w-]{16,}")),
    ("google-key", re.compile(_START + r"AIza[\w-]{35}")),
    ("aws-key", re.compile(_START + r"(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("github-token", re.compile(_START + r"(?:gh[pousr]_\w{30,}|github_pat_\w{30,})")),
    ("huggingface-token", re.compile(_START + r"hf_[A-Za-z0-9]{24,}")),
    ("slack-token", re.compile(_START + r"xox[abprs]-[\w-]{10,}")),
    ("groq-key", re.compile(_START + r"gsk_\w{30,}")),
    ("xai-key", re.compile(_START + r"xai-\w{30,}")),
    ("perplexity-key", re.compile(_START + r"pplx-\w{30,}")),
    ("nvidia-key", re.compile(_START + r"nvapi-[\w-]{30,}")),
    ("gitlab-token", re.compile(_START + r"glpat-[\w-]{20,}")),
    ("google-token", re.compile(_START + r"ya29\.[\w-]{20,}")),
    ("bearer-token", re.compile(r"(?i)\b(?<=bearer )[\w.~+/-]{16,}=*")),
    ("url-password", re.compile(r"(?<=://)[^\s/:@\"'\\]*:[^\s/@\"'\\]+(?=@)")),
)
"""Name of the rule and what it masks. Where a word begins is asked last by two of them, to find `sk-` as fast as `in`:
`task-` and `risk-` are all over English prompts.
"""

_MARKS: Final[Mapping[str, tuple[str, ...]]] = {
    "private-key": ("PRIVATE KEY",),
    "anthropic-key": ("sk-ant-",),
    "openai-key": ("sk-",),
    "google-key": ("AIza",),
    "aws-key": ("AKIA", "ASIA"),
    "github-token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    "huggingface-token": ("hf_",),
    "slack-token": ("xox",),
    "groq-key": ("gsk_",),
    "xai-key": ("xai-",),
    "perplexity-key": ("pplx-",),
    "nvidia-key": ("nvapi-",),
    "gitlab-token": ("glpat-",),
    "google-token": ("ya29.",),
}
"""What a text must hold for a rule to find anything: to look for a literal costs a hundredth of what a rule costs."""

_LITERALS: Final = tuple(mark for marks in _MARKS.values() for mark in marks)
_USER: Final = re.compile(r"://[^\s/]{0,200}@")


def _suspicious(value: str) -> bool:
    """Say whether any rule could find something."""
    for literal in _LITERALS:  # a loop, because `any` costs more than all of them in a short text
        if literal in value:
            return True
    return _may_find("bearer-token", value) or _may_find("url-password", value)


def _may_find(rule: str, value: str) -> bool:
    if rule == "bearer-token":
        return "bearer " in value.lower()
    if rule == "url-password":
        return _USER.search(value) is not None
    return any(mark in value for mark in _MARKS.get(rule, ("",)))


def text(value: str) -> str:
    """Mask the secrets in one text.

    Examples:
        >>> text("OpenAI(api_key='sk-proj-0123456789abcdef0123')")
        "OpenAI(api_key='[redacted: openai-key]')"
    """
    try:
        if not _suspicious(value):
            return value
        for name, pattern in RULES:
            if _may_find(name, value):
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
        if not _suspicious(value):
            return value
        return json.dumps(_value(json.loads(value)), ensure_ascii=False, separators=(",", ":"))
    except Exception:  # noqa: BLE001 - no JSON, nested too deep, or a rule that fails: `text` knows what to do
        return text(value)


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
    if not original.events and not original.links and description is None and not _suspicious(str(original.name)):
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
