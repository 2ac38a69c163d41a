"""What `%config NBTrace` sets: the extension's own settings, and those of its session.

The session's outlive the extension, so they are read from it and not remembered here. A value that the session refuses
is refused by `%config` in the same words.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, get_args

from IPython.core.magic import Magics
from traitlets import Bool, Dict, Enum, Float, Int, List, TraitError, Unicode, default, validate

from nbtrace._store import sessions
from nbtrace._trace.redact.content import ContentMode
from nbtrace._trace.redact.rules import OPTIONAL
from nbtrace.errors import NbtraceError

if TYPE_CHECKING:
    from nbtrace._session import Session

SETTINGS: Final = {
    "auto_display": "what appears under a cell that made LLM calls: off, summary or widget",
    "request_stream_usage": "ask chat streams for their token counts, out of your code's sight: True or False",
    "journal": "where the session is kept beyond the kernel's life: on, off or a directory",
    "journal_max_days": "how long sessions are kept there",
    "journal_max_bytes": "what all of them may take; the oldest go first",
    "redact": "what is masked besides secrets: a list of email, phone, card, iban, presidio",
    "content": "what is kept of prompts, answers, sources: full, hashed, or metadata, which is nothing",
    "max_content_bytes": "how much is kept of one prompt or answer",
    "max_blob_bytes": "up to which size images, recordings and files are kept",
    "max_memory_bytes": "how much of the spans is kept in memory; older ones go to the disk, and stay at hand",
    "sample": "the share of traces that is recorded; those with an error always are",
    "annotator": "who judges by hand in the widgets",
    "labels": "what the keys 1 to 9 say there, such as {'tone': ['kind', 'rude']}; by default a rating from 1 to 5",
}

JOURNAL: Final = "NBTRACE_JOURNAL"
"""The environment variable with the journal's place, where no configuration says it."""


DAY_S: Final = 24 * 3600

_SESSIONS: Final = (
    "request_stream_usage", "redact", "content", "max_content_bytes", "max_blob_bytes", "max_memory_bytes", "sample",
    "annotator", "labels",
)  # fmt: skip
"""Settings that are the session's, and outlive the extension."""


_SWITCH: Final = {
    **dict.fromkeys(("on", "true", "yes", "1"), "on"),
    **dict.fromkeys(("off", "false", "no", "none", "0"), "off"),
}
"""What people write for on and off."""
_PLACES: Final = "expected on, off, or a directory: one that is there, or a path such as ./sessions"


def _place(said: str) -> str | None:
    """Read where the journal is to be: on, off or a directory; none for what is a mere word.

    Examples:
        >>> _place("Off"), _place("1"), _place("~/sessions"), _place("please")
        ('off', 'on', '~/sessions', None)
    """
    known = _SWITCH.get(said.strip().lower())
    is_path = said.startswith("~") or Path(said).name != said or Path(said).is_dir()
    return known or (said if is_path else None)


class Limits(TypedDict):
    """What the journal keeps."""

    max_age_s: float
    max_bytes: int


class Settings(Magics):
    """The traits of the extension, and how the session follows them."""

    session: Session

    auto_display = Enum(
        ("off", "summary", "widget"),
        default_value="summary",
        help="What appears under a cell that made LLM calls: nothing, one line that opens to a tree, or the widget.",
    ).tag(config=True)

    request_stream_usage = Bool(
        help="Whether chat streams whose request does not say are asked for their usage; your code does not see it.",
    ).tag(config=True)
    redact = List(Enum(OPTIONAL), help="What is masked besides secrets.").tag(config=True)
    content = Enum(
        get_args(ContentMode),
        help="What is kept of prompts, answers, arguments and sources: everything, length and hash, or nothing.",
    ).tag(config=True)
    max_content_bytes = Int(help="Bytes kept of one attribute, such as a prompt.").tag(config=True)
    max_blob_bytes = Int(help="Bytes up to which an image, recording or file is kept.").tag(config=True)
    max_memory_bytes = Int(
        None,
        allow_none=True,
        help="Bytes of ended spans kept in memory; none for any number. Older ones go to the disk.",
    ).tag(config=True)
    sample = Float(help="The share of traces that is recorded; those with an error always are.").tag(config=True)

    annotator = Unicode(None, allow_none=True, help="Who judges calls by hand in the widgets.").tag(config=True)
    labels = Dict(help="What the keys 1 to 9 say of a call by hand: a name with its labels.").tag(config=True)

    journal = Unicode(
        help="Where the session is kept beyond the kernel's life: on (the user's state directory), off or a directory."
    ).tag(config=True)

    journal_max_days = Float(sessions.MAX_AGE_S / DAY_S, min=0.0, help="Days that sessions are kept.").tag(config=True)
    journal_max_bytes = Int(sessions.MAX_BYTES, min=0, help="Bytes that all sessions may take.").tag(config=True)

    def _read(self) -> None:
        """Look at the session's settings.

        Of one that nobody has looked at, traitlets thinks that it is what its type begins with, such as 0, and setting
        it to that is no change.
        """
        for name in _SESSIONS:
            getattr(self, name)

    @default("journal")
    def _journal_default(self) -> str:
        said = os.environ.get(JOURNAL) or "on"
        place = _place(said)
        if place is None:  # whoever set it may have meant that nothing is to be written
            logging.getLogger("nbtrace").warning("%s=%s: %s; no journal is kept", JOURNAL, said, _PLACES)
        return place or "off"

    @validate("journal")
    def _journal_place(self, proposal: Any) -> str:
        place = _place(proposal["value"])
        if place is None:
            raise TraitError(f"cannot use journal={proposal['value']!r}; {_PLACES}")
        return place

    @default("request_stream_usage")
    def _request_stream_usage(self) -> bool:
        return self.session.request_stream_usage

    @default("redact")
    def _redact(self) -> list[str]:
        return list(self.session.policy.rules.optional)

    @default("content")
    def _content(self) -> str:
        return self.session.policy.content

    @default("max_content_bytes")
    def _max_content_bytes(self) -> int:
        return self.session.policy.max_content_bytes

    @default("max_blob_bytes")
    def _max_blob_bytes(self) -> int:
        return self.session.policy.max_blob_bytes

    @default("annotator")
    def _annotator(self) -> str | None:
        return self.session.annotator

    @default("labels")
    def _labels(self) -> dict[str, Any]:
        return self.session.labels.given()

    @default("max_memory_bytes")
    def _max_memory_bytes(self) -> int | None:
        return self.session.max_memory_bytes

    @default("sample")
    def _sample(self) -> float:
        return self.session.gate.rate

    @validate(*_SESSIONS)
    def _set(self, proposal: Any) -> Any:
        """Have the session do as configured; refuse what it cannot."""
        policy, name, value = self.session.policy, proposal["trait"].name, proposal["value"]
        try:
            if name == "redact":
                policy.rules.optional = value
            elif name in {"request_stream_usage", "max_memory_bytes", "annotator", "labels"}:
                setattr(self.session, name, value)
            elif name == "sample":
                self.session.gate.rate = value
            else:
                setattr(policy, name, value)
        except NbtraceError as error:
            raise TraitError(str(error)) from None
        return value

    def _limits(self) -> Limits:
        """Say what is kept of earlier sessions."""
        return {"max_age_s": self.journal_max_days * DAY_S, "max_bytes": self.journal_max_bytes}

    def _directory(self) -> Path:
        """Say where sessions are kept, also while none is written."""
        at = self.journal if self.journal != "off" else self._journal_default()
        return sessions.default_directory() if at in ("on", "off") else Path(at).expanduser().absolute()
