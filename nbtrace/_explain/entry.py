"""What an attribute is, as data: its type and unit, whose it is, how much it is wanted, and why it matters.

Levels are those of the convention's own text, for the span that the attribute is mostly on. An attribute that a
registry defines and no span asks for has the level `defined`; what is in no convention, ours or a vendor's, is `extra`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["required", "conditionally required", "recommended", "opt-in", "defined", "extra", "nbtrace's own"]

LEVELS: Final[dict[Level, str]] = {
    "required": "every such span has it",
    "conditionally required": "every such span has it where the condition holds",
    "recommended": "a span has it unless that costs too much",
    "opt-in": "only where somebody asks for it, mostly because it may be private or large",
    "defined": "the name and its meaning are agreed on; no span has to have it",
    "extra": "in no convention that nbtrace follows; the name is one that others know",
    "nbtrace's own": "no convention has a word for it",
}
"""Each level in plain words."""

TOKENS: Final = "tokens"
"""The unit of what is counted in tokens."""


@dataclass(frozen=True, slots=True)
class Convention:
    """Who has agreed on a name."""

    title: str
    url: str
    """Of the text that the levels and types are from, at the version that was read; empty for our own."""


_GENAI: Final = "https://github.com/open-telemetry/semantic-conventions-genai/blob/{}/{}"
_GENERAL: Final = "https://github.com/open-telemetry/semantic-conventions/blob/{}/docs/{}.md"
_READ: Final = "002c8a6ea1c8a42b14a4527db83b3cabcded610a"
_SPANS: Final = "7e7e4e763354b505b8e1f76512f17a1977b00f70"
_RELEASE: Final = "v1.44.0"

CONVENTIONS: Final = {
    "inference": Convention(
        "GenAI inference",
        _GENAI.format("024a4f944a1291fcb627c9c47da69e79868dd15e", "docs/gen-ai/client-inference.md"),
    ),
    "embeddings": Convention(
        "GenAI embeddings",
        _GENAI.format("88eccb155ca7d6984826da1f4b1c08ee916e0f49", "docs/gen-ai/client-embeddings.md"),
    ),
    "fetch": Convention(
        "GenAI fetch response", "https://github.com/open-telemetry/semantic-conventions-genai/pull/353"
    ),
    "tool": Convention("GenAI execute tool", _GENAI.format(_READ, "docs/gen-ai/gen-ai-spans.md")),
    "retrieval": Convention("GenAI retrieval", _GENAI.format(_SPANS, "model/gen-ai/spans.yaml")),
    "agent": Convention("GenAI invoke agent", _GENAI.format(_SPANS, "model/gen-ai/spans.yaml")),
    "evaluation": Convention("GenAI evaluation result", _GENAI.format(_READ, "docs/gen-ai/gen-ai-events.md")),
    "openai": Convention("OpenAI", _GENAI.format(_READ, "docs/gen-ai/openai.md")),
    "http": Convention("HTTP client", _GENERAL.format("00e4b4eeabae94ca7d41b7cadb47a45bca4b6697", "http/http-spans")),
    "exception": Convention(
        "exceptions", _GENERAL.format("00c5325a304d91f04c74fc0fe8c17d960aec1201", "exceptions/exceptions-spans")
    ),
    "resource": Convention("resource", _GENERAL.format("00c5325a304d91f04c74fc0fe8c17d960aec1201", "resource/README")),
    "process": Convention("process", _GENERAL.format("004eea24b610bc0d72a1de722d3001992b9d7b6e", "resource/process")),
    "url": Convention("URL registry", _GENERAL.format(_RELEASE, "registry/attributes/url")),
    "code": Convention("code registry", _GENERAL.format(_RELEASE, "registry/attributes/code")),
    "user": Convention("user registry", _GENERAL.format(_RELEASE, "registry/attributes/user")),
    "session": Convention("session registry", _GENERAL.format(_RELEASE, "registry/attributes/session")),
    "openinference": Convention(
        "OpenInference", "https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md"
    ),
    "none": Convention("no convention", ""),
    "nbtrace": Convention("nbtrace", ""),
}
"""By the short name that an entry has."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One attribute."""

    convention: str
    """A key of `CONVENTIONS`."""
    name: str
    """Its key; one that ends in a dot is a prefix, and the rest is the user's or the provider's."""
    type: str
    """As the conventions write types; `any` is an array or map, on spans mostly as its JSON text."""
    level: Level
    why: str
    """What it tells, and what for; our own words."""
    unit: str = ""
    when: str = ""
    """The condition of the level."""

    @property
    def asked(self) -> str:
        """The level with its condition."""
        return f"{self.level} {self.when}".rstrip()

    @property
    def typed(self) -> str:
        """The type with its unit."""
        return f"{self.type}, {self.unit}" if self.unit else self.type
