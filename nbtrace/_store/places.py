"""Where files of a dataset are: on this machine, or wherever pyarrow or fsspec can reach.

pyarrow has S3, Google's and Azure's storage and Hadoop built in; what it has not is asked of fsspec, which names the
package to install. What a URL holds of keys is never shown.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

BUILT_IN: Final = frozenset({"file", "s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs"})
"""Schemes of URLs that pyarrow reads itself."""

WHOLE: Final = frozenset({"s3", "gcs", "abfs"})
"""File systems in which a file is there once it is complete, and to rename one is to copy it."""

UNKNOWN: Final = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls the directory of rows without a value; every reader of datasets takes it for null."""

FileSystem = Any
"""One of pyarrow's; its stubs do not know all methods."""


@dataclass(frozen=True)
class Place:
    """A path in a file system."""

    files: FileSystem
    path: str
    shown: str
    """As it was given, without keys."""

    @classmethod
    def find(cls, given: str, filesystem: object = None) -> Self:
        """Find what a path or URL means.

        Args:
            given: a path on this machine, a URL, or with a file system a path in it.
            filesystem: one of pyarrow's or fsspec's.

        Raises:
            UsageError: nothing that is installed reaches it.
        """
        import pyarrow as pa
        from pyarrow import fs

        shown = without_keys(given)
        try:
            if filesystem is not None:
                files, path = _known(filesystem), given
            elif "://" in given:
                files, path = _reached(given)
            else:
                files, path = fs.LocalFileSystem(), os.path.abspath(os.path.expanduser(given))  # noqa: PTH100, PTH111 - `Path.expanduser` raises for a user that is not there
        except (pa.ArrowException, OSError, ValueError, ImportError) as error:
            raise UsageError.place(shown, str(error).replace(given, shown)) from None
        return cls(files, path.rstrip("/") or "/", shown)

    @classmethod
    def of_dataset(cls, given: str, filesystem: object = None) -> Self | None:
        """Find the dataset that is meant; none if it is a file or another directory of this machine.

        Raises:
            UsageError: as `find`.
        """
        if filesystem is not None or "://" in given:
            return cls.find(given, filesystem)
        try:
            with os.scandir(os.path.expanduser(given)) as found:  # noqa: PTH111 - as in `find`
                is_one = any(one.name.startswith("date=") and one.is_dir() for one in found)
        except (OSError, ValueError):
            return None
        return cls.find(given) if is_one else None

    def below(self, name: str) -> Self:
        """Give a place below this one."""
        return type(self)(self.files, f"{self.path}/{name}", self.shown)

    def names(self, ending: str, *, deep: bool = False) -> list[str]:
        """List the paths of files below, but for those that begin with a dot or a line, which are writers' own."""
        from pyarrow import fs

        found = self.files.get_file_info(fs.FileSelector(self.path, recursive=deep, allow_not_found=True))
        paths = [info.path for info in found if info.type == fs.FileType.File and info.path.endswith(ending)]
        root = self.path.strip("/")
        return sorted(path for path in paths if not _is_own(path.strip("/").removeprefix(root)))

    def kind(self) -> str:
        """Say whether there is a `file`, a `directory`, or `nothing`."""
        from pyarrow import fs

        found = self.files.get_file_info(self.path).type
        return {fs.FileType.File: "file", fs.FileType.Directory: "directory"}.get(found, "nothing")

    @contextmanager
    def replacing(self) -> Generator[IO[bytes]]:
        """Open a file that is here, whole, when the block ends well; otherwise what was here stays."""
        with tempfile.TemporaryFile() as made:
            yield made
            made.seek(0)
            if self.files.type_name in WHOLE:
                with self.files.open_output_stream(self.path) as file:
                    shutil.copyfileobj(made, file, 2**20)
                return
            folder = self.path.rpartition("/")[0]
            self.files.create_dir(folder, recursive=True)
            draft = f"{folder}/.{secrets.token_hex(8)}.tmp"
            try:
                with self.files.open_output_stream(draft) as file:
                    shutil.copyfileobj(made, file, 2**20)
                self.files.move(draft, self.path)
            except BaseException:
                with suppress(OSError):
                    self.files.delete_file(draft)
                raise

    def delete(self) -> None:
        """Delete the file, if it is there."""
        with suppress(FileNotFoundError):
            self.files.delete_file(self.path)


def is_of_files(url: str) -> bool:
    """Say whether a URL is one of a file system, by its scheme: of pyarrow's, or of those that fsspec knows."""
    scheme = url.partition("://")[0].lower()
    if scheme in BUILT_IN or scheme in {"http", "https"}:
        return scheme in BUILT_IN
    try:
        from fsspec.registry import known_implementations, registry
    except ImportError:
        return False
    return scheme in known_implementations or scheme in registry


def without_keys(url: str) -> str:
    """Take user, password and query out of a URL."""
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition('://')[0]}://…"
    user, at, host = parts.netloc.rpartition("@")
    netloc, query = f"***@{host}" if user and at else host, "***" if parts.query else ""
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _is_own(path: str) -> bool:
    return any(part[0] in "._" for part in re.findall(r"[^/]+", path))


def _known(filesystem: Any) -> FileSystem:
    from pyarrow import fs

    if isinstance(filesystem, fs.FileSystem):
        return filesystem
    if not hasattr(filesystem, "ls"):
        raise UsageError.kind("filesystem", filesystem, "a file system of pyarrow's or of fsspec's")
    return _of_fsspec(filesystem)


def _of_fsspec(filesystem: Any) -> FileSystem:
    from pyarrow import fs

    handler: Any = fs.FSSpecHandler  # whose stubs take it for abstract
    return fs.PyFileSystem(handler(filesystem))


def _reached(url: str) -> tuple[FileSystem, str]:
    from pyarrow import fs

    if url.partition("://")[0].lower() in BUILT_IN:
        with suppress(NotImplementedError):  # a pyarrow that was built without it
            return fs.FileSystem.from_uri(url)
    import fsspec.core

    files, path = fsspec.core.url_to_fs(url)
    return _of_fsspec(files), path
