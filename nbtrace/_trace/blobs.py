"""Images, recordings and files as parts of messages: by address, or in base64 with type, size and hash."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_to_bytes

JSON = dict[str, Any]


def uri(given: object, modality: str) -> JSON:
    """Give the part that a URL becomes; one that holds its content becomes a blob.

    Examples:
        >>> uri("https://x.org/a.png", "image")
        {'type': 'uri', 'modality': 'image', 'uri': 'https://x.org/a.png'}
    """
    url = str(given or "")
    if not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url}
    head, _, content = url.partition(",")
    mime_type, *options = head.removeprefix("data:").split(";")
    if options and options[-1].strip().lower() == "base64":
        return inline(content, modality=modality, mime_type=mime_type)
    return _part(unquote_to_bytes(content), content, modality=modality, mime_type=mime_type)


def inline(content: object, *, modality: str, mime_type: object = None, **more: object) -> JSON:
    """Give the part that stands for a file which a message holds in base64; one that is none has no size and no hash.

    Examples:
        >>> part = inline("aGk=", modality="image", mime_type="image/png")
        >>> part["content"], part["size"], part["sha256"][:8]
        ('aGk=', 2, '8f434346')
    """
    read = decoded(content) if isinstance(content, str) else None
    return _part(read, content, modality=modality, mime_type=mime_type, **more)


def of_bytes(read: bytes, *, modality: str, mime_type: str) -> JSON:
    """Give the part that stands for bytes, with them in base64.

    Examples:
        >>> of_bytes(b"hi", modality="audio", mime_type="audio/wav")["content"]
        'aGk='
    """
    return _part(read, b64encode(read).decode(), modality=modality, mime_type=mime_type)


def _part(read: bytes | None, content: object, *, modality: str, mime_type: object, **more: object) -> JSON:
    about: JSON = {"type": "blob", "modality": modality}
    if mime_type is not None:
        about["mime_type"] = mime_type
    if read is not None:
        about |= {"size": len(read), "sha256": sha256(read).hexdigest()}
    return {**about, "content": content, **more}


def decoded(encoded: str) -> bytes | None:
    r"""Read base64 in either alphabet, also in lines or without its padding; none if it is not valid.

    Examples:
        >>> decoded("aGk"), decoded("aG\nk="), decoded("!")
        (b'hi', b'hi', None)
    """
    encoded = "".join(encoded.split())
    signs = b"-_" if "-" in encoded or "_" in encoded else None
    try:
        return b64decode(encoded + "=" * (-len(encoded) % 4), altchars=signs, validate=True)
    except ValueError:
        return None
