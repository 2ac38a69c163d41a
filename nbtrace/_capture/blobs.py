"""Images, recordings and files: told by type, size and hash.

The hash is that of the bytes themselves, so that the same picture is recognised wherever it turns up. What a message
holds in base64 stays with its part; whether it is small enough to be kept is for the session's policy to say. Files
that are sent as a form are described only: they are the client's to read.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from mimetypes import guess_type
from typing import Any, Final

from nbtrace._trace.blobs import inline

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
    part = inline(str(given or ""), modality="image", mime_type=f"image/{form or 'png'}")
    if part.get("size") == 0:
        del part["content"]
    return part if "size" in part else {**part, "error": "no valid base64"}


FILES: Final = "$files"
"""Where in a request's copy the files stand that were sent with it; no parameter has such a name."""


def uploads(files: Any) -> list[JSON]:
    """Describe the files of a form, which may be names with bytes, with open files, or with either and a type."""
    given = files.items() if isinstance(files, dict) else files
    return [_upload(str(name), file) for name, file in given]


def _upload(field: str, file: Any) -> JSON:
    name, content, mime_type, *_ = (*file, None, None) if isinstance(file, tuple) else (None, file, None)
    name = str(name or getattr(content, "name", "") or "") or None
    mime_type = mime_type or (guess_type(name)[0] if name else None)
    modality = (mime_type or "document").split("/")[0]
    modality = modality if modality in ("image", "audio", "video") else "document"
    if isinstance(content, BytesIO):
        content = content.getvalue()
    if isinstance(content, bytes):
        part = described(content, modality=modality, mime_type=mime_type)
    else:  # an open file is the client's to read
        part: JSON = {"type": "blob", "modality": modality, "mime_type": mime_type}
        with suppress(OSError, AttributeError, TypeError, ValueError):
            part["size"] = os.fstat(content.fileno()).st_size
    return {**part, "field": field, "filename": name}
