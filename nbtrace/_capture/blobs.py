"""Images, recordings and files: told by type, size and hash, never kept.

The hash is that of the bytes themselves, so that the same picture is recognised wherever it turns up.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from hashlib import sha256
from typing import Any

JSON = dict[str, Any]


def described(content: bytes, *, modality: str, mime_type: str | None) -> JSON:
    """Give the part that stands for bytes.

    Examples:
        >>> part = described(b"", modality="image", mime_type="image/png")
        >>> part["size"], part["sha256"][:8]
        (0, 'e3b0c442')
    """
    return {
        "type": "blob",
        "modality": modality,
        "mime_type": mime_type,
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
    }


def image(given: object, form: object) -> JSON:
    """Give the part that stands for an image in base64, or for its absence."""
    mime_type = f"image/{form or 'png'}"
    try:
        return described(b64decode(str(given or "")), modality="image", mime_type=mime_type)
    except binascii.Error:
        return {"type": "blob", "modality": "image", "mime_type": mime_type, "error": "no valid base64"}
