"""Finds what is known of an attribute."""

from __future__ import annotations

from typing import Final

from nbtrace._explain.entry import Entry
from nbtrace._explain.named import KEPT, NAMED
from nbtrace._explain.own import OWN
from nbtrace._explain.parts import AROUND

GLOSSARY: Final = {entry.name: entry for entry in (*NAMED, *KEPT, *OWN, *AROUND)}
"""Every attribute that nbtrace writes, or that the conventions of its spans have, by its key."""
_PREFIXES: Final = sorted((name for name in GLOSSARY if name.endswith(".")), key=len, reverse=True)


def find(key: str) -> Entry | None:
    """Give the entry of an attribute's key, or of the prefix that it begins with; none if it is not known.

    Examples:
        >>> find("gen_ai.request.model").level
        'conditionally required'
        >>> find("nbtrace.metadata.team").name, find("colour")
        ('nbtrace.metadata.', None)
    """
    found = GLOSSARY.get(key)
    return found or next((GLOSSARY[prefix] for prefix in _PREFIXES if key.startswith(prefix)), None)
