"""Text from spans made safe to stand in HTML and Markdown that others render: JupyterLab, GitHub, nbconvert.

Span names and messages are hostile input. Besides the HTML escapes, two things are defused that escaping leaves: dollar
signs and backslashes, from which hosts typeset formulas, and the Unicode controls that reorder the text around them.
"""

from __future__ import annotations

import html
import re
from typing import Final

CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e01ef]"
)
"""Characters that are invisible or change the direction of what follows."""

IGNORE_MATH: Final = "mathjax_ignore tex2jax_ignore"
"""The classes that keep MathJax 3 and 2 away from an element."""


def visible(text: str) -> str:
    """Put text on one line and make every character in it a visible one."""
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def escape(text: str) -> str:
    """Escape text for HTML, on one line."""
    return as_it_is(visible(text))


def as_it_is(text: str) -> str:
    """Escape text for HTML whose characters are visible already, with all of its blanks."""
    return re.sub(r"[$\\]", lambda sign: f"<span>{sign[0]}</span>", html.escape(text))


def clip(text: str, length: int) -> str:
    """Shorten text to a length, with an ellipsis that counts."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def markdown(said: str) -> str:
    """Escape text for Markdown: no markup of its own, no mention of anybody, no reference to an issue, no link."""
    escaped = html.escape(visible(said), quote=False)
    escaped = "".join(f"\\{sign}" if sign in "\\|*_`[](){}~#!$" else sign for sign in escaped)
    return escaped.replace("@", "@<!-- -->").replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")
