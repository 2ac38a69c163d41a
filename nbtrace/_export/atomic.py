"""Replaces a file in one step: a reader sees the old content or the new, never a part.

The new content grows in a hidden file beside the old one and takes its name at the end. When anything fails, the old
file is as it was and the hidden one is gone.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends well.

    Raises:
        ExportError: The path cannot be written to.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        if target.is_dir():
            raise ExportError.is_directory(path)
        if not target.parent.is_dir():
            raise ExportError.no_directory(path, target.parent)
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "the file is read-only")
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
    except OSError as error:
        raise ExportError.unwritable(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
