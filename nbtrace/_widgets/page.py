"""A session as one page to send to somebody: the widget's own code, the spans in it, and nothing else.

The page works from a disk without a network. Its content security policy allows the one script and the style sheets by
their hashes, pictures from data, and nothing else; spans are Arrow in gzip and base64, in elements that are not run.
Who runs no scripts sees the static list. A large session is cut to its latest spans, and of these contents are kept
from the latest one back, as far as there is room; the page says what is not in it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from nbtrace._query.text import counted
from nbtrace._widgets import listing
from nbtrace._widgets.assets import page_parts
from nbtrace._widgets.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace._store.snapshot import Snapshot

MOST_SPANS: Final = 200_000
"""What a browser unpacks in about a second."""
CONTENT_BYTES: Final = 64 * 2**20
"""Unpacked: a search goes through all of it."""
PIECE: Final = 64
"""Spans whose contents are packed together: enough that what conversations repeat is packed once."""

STYLE: Final = """\
:root { color-scheme: light dark; --paper: #fff; --text: #1c2024; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --text: #e6e8eb; } }
body { margin: 0 auto; padding: 16px; max-width: 1600px; background: var(--paper); color: var(--text); }
body { font: 13px / 20px system-ui, sans-serif; }
p { margin: 12px 0 0; opacity: 0.7; }
"""


class Page:
    """The page of a session.

    Args:
        spans: The session's spans.
    """

    def __init__(self, spans: Snapshot) -> None:
        self._all = len(spans)
        self._spans = spans.slice(max(0, len(spans) - MOST_SPANS))
        self._contents = 0
        """Of how many spans the content is in the page."""

    @property
    def spans(self) -> int:
        """How many spans are in the page."""
        return len(self._spans)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is not in the page; complete once it is written."""
        earlier, without = self._all - len(self._spans), len(self._spans) - self._contents
        return (
            *([f"{counted(earlier, 'earlier span')}: a page holds {MOST_SPANS:,}"] if earlier else []),
            *(
                [f"the contents of {counted(without, 'span')}: a page holds {CONTENT_BYTES // 2**20} MiB of them"]
                if without
                else []
            ),
        )

    def parts(self) -> Iterator[bytes]:
        """Write the page, a part at a time."""
        from nbtrace._query.tree import start_unix_nano, tree
        from nbtrace._widgets.packing import packed
        from nbtrace._widgets.wire import ipc

        script, sheet = page_parts()
        drawn = tree(self._spans, summaries=len(self._spans))
        pieces = list(self._pieces())
        notes = "".join(f"Not in this page: {escape(words)}. " for words in self.left_out)
        now = datetime.now().astimezone()
        policy = (
            f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(sheet)} {_hash(STYLE)}; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        yield (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
            f"<title>{listing.headline(drawn)}</title><style>{STYLE}</style></head>\n<body>"
            f'<div id="view"></div><noscript>{listing.list_html(drawn)}</noscript>'
            f"<p>{notes}Made by nbtrace on {now:%Y-%m-%d %H:%M %Z}; nothing is loaded or sent.</p>\n"
            f'<div id="data" hidden data-left-out="{notes.strip()}">\n'
        ).encode()
        times = f'data-start="{start_unix_nano(drawn) // 10**6}" data-now="{int(now.timestamp() * 1000)}"'
        yield _element(times, ipc(packed(drawn)))
        for spans, stream in pieces:
            yield _element(f'data-spans="{spans}"', stream)
        yield f"</div><script>{script}</script></body></html>\n".encode()

    def _pieces(self) -> Iterator[tuple[str, memoryview]]:
        """Pack contents from the latest span back; names the spans of each piece."""
        from nbtrace._widgets.reading import reading
        from nbtrace._widgets.wire import ipc

        room = CONTENT_BYTES
        for stop in range(len(self._spans), 0, -PIECE):
            read = reading(self._spans.slice(max(0, stop - PIECE), min(PIECE, stop)))
            room -= read.nbytes
            if room < 0:
                return
            self._contents += len(read)
            yield ",".join(cast("list[str]", read["span_id"].to_pylist())), ipc(read)


def _element(attributes: str, stream: memoryview) -> bytes:
    packed = base64.b64encode(gzip.compress(stream, compresslevel=6, mtime=0))
    return f'<script type="text/plain" {attributes}>'.encode() + packed + b"</script>\n"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
