"""The SDKs that are captured: which package, which versions, and what each of its endpoints speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from nbtrace._capture.anthropic import MESSAGES
from nbtrace._capture.chat import CHAT
from nbtrace._capture.completions import COMPLETIONS
from nbtrace._capture.embeddings import EMBEDDINGS, MODERATIONS
from nbtrace._capture.media import IMAGES, SPEECH, TRANSCRIPTIONS, TRANSLATIONS
from nbtrace._capture.responses import FETCHED, RESPONSES
from nbtrace._capture.wire import Wire


@dataclass(frozen=True, slots=True)
class Sdk:
    """A package built on the generated base client."""

    package: str
    majors: tuple[int, int]
    """The first major version that is known, and the first that is not."""
    speaks: str
    """The provider whose API it speaks, for a server that is nobody's known one."""
    wires: Mapping[str, Wire]
    """Path of an endpoint, as the client has it, to its wire format."""
    readings: Mapping[str, Wire] = field(default_factory=dict[str, Wire])
    """Path up to an id, to the wire format of what a GET of it gives."""

    usage_optional: frozenset[str] = frozenset()
    """Paths whose streams tell their usage only if `stream_options` asks for it."""
    module: str | None = None
    """Where it is imported from, if not under the package's name."""
    has_gaps: bool = False
    """Whether the bodies it hands on still hold what stands for parameters that were not given."""

    @property
    def supported(self) -> str:
        """The versions as pip writes them."""
        return f">={self.majors[0]},<{self.majors[1]}"


_OPENAI: Final = {
    "/chat/completions": CHAT,
    "/responses": RESPONSES,
    "/embeddings": EMBEDDINGS,
    "/completions": COMPLETIONS,
    "/moderations": MODERATIONS,
    "/images/generations": IMAGES,
    "/images/edits": IMAGES,
    "/images/variations": IMAGES,
    "/audio/speech": SPEECH,
    "/audio/transcriptions": TRANSCRIPTIONS,
    "/audio/translations": TRANSLATIONS,
}

_ANTHROPIC: Final = {"/v1/messages": MESSAGES, "/v1/messages?beta=true": MESSAGES}
_TOGETHER: Final[Mapping[str, Wire]] = dict.fromkeys(
    ("/chat/completions", "/v1/chat/completions", "https://api-inference.together.ai/v1/chat/completions"), CHAT
)

SDKS: Final = (
    Sdk("openai", (2, 4), "openai", _OPENAI, {"/responses/": FETCHED}, usage_optional=frozenset({"/chat/completions"})),
    Sdk("anthropic", (0, 3), "anthropic", _ANTHROPIC, has_gaps=True),
    Sdk("groq", (0, 2), "groq", {"/openai/v1/chat/completions": CHAT}),
    Sdk("together", (2, 4), "together", _TOGETHER),
    Sdk("cerebras_cloud_sdk", (1, 2), "cerebras", {"/v1/chat/completions": CHAT}, module="cerebras.cloud.sdk"),
)
