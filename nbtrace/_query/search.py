"""Finding spans by what is in them: messages, attributes, events, and the words of an error.

The store keeps each text once, so each is looked at once, however many spans repeat it; then comes which spans refer
to one that has it. Text is compared without regard to case. Messages are JSON text, so what is looked for is looked for
as JSON writes it too: with escaped quotes and newlines, and letters beyond ASCII both as they are and escaped. A search
that nobody waits for any more stops at the next piece. A text may name a column instead: see `named`.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from nbtrace._query import arrays, named
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbtrace._store.snapshot import Snapshot
    from nbtrace._store.texts import Texts

    Mask = NDArray[np.bool_]

MESSAGES: Final = 1
"""Bits of `places`: where in a span the text is."""
ATTRIBUTES: Final = 2
EVENTS: Final = 4

CONTENT: Final = ("system_instructions", "input_messages", "output_messages", "tool_definitions")
WORDS: Final = (
    "name", "provider", "request_model", "response_model", "error_type", "status_message", "response_id",
    "conversation_id", "prompt_name", "user_id", "session_id",
)  # fmt: skip
"""Columns of plain text; a tree shows some of them, but not the whole of long ones."""

LONGEST: Final = 1000
"""Characters that are looked for at most."""

SHOWN: Final = ("name", "request_model", "response_model", "error_type")
"""Those that a tree shows."""

PIECE_BYTES: Final = 4 * 2**20
"""Texts that are looked at in one go: small enough to share the work, and to stop soon."""


def search(spans: Snapshot, text: str, *, is_over: Callable[[], bool] = lambda: False) -> pa.Table:
    """Find the spans that a text is in.

    Args:
        spans: Where to look.
        text: What to look for, in any case; nothing is found for no text. One that names columns, such as
            `model:gpt-4o-mini`, finds the spans that hold exactly that.
        is_over: Asked again and again; once it says yes, nothing more is looked for.

    Returns:
        A row for each span found: `trace_id`, `span_id` and `places`, in the order of the spans.

    Raises:
        UsageError: The text is too long.
    """
    import numpy as np
    import pyarrow as pa

    if len(text) > LONGEST:
        message = f"cannot look for {len(text):,} characters; give {LONGEST:,} of them at most"
        raise UsageError(message)
    places = np.zeros(len(spans), np.uint8)
    pairs = named.read(text)
    if pairs is not None:
        places[arrays.booleans(pa.chunked_array(named.having(spans, pairs)))] = ATTRIBUTES
    elif text:
        asked = Asked(text, spans.texts, is_over)
        start = 0
        for batch in spans.kept.to_batches():
            if is_over():
                break
            places[start : start + len(batch)] = asked.places(batch)
            start += len(batch)
    rows = spans.select(["trace_id", "span_id"]).append_column("places", arrays.column(pa.uint8(), places))
    return rows.filter(arrays.column(pa.bool_(), places > 0))


def having(spans: Snapshot, text: str) -> Any:
    """Say of each span whether the text is anywhere in it, also in its name, models and tags."""
    import numpy as np
    import pyarrow as pa

    asked = Asked(text, spans.texts, lambda: False)
    found = [arrays.column(pa.bool_(), asked.anywhere(batch)) for batch in spans.kept.to_batches()]
    return pa.chunked_array(found or [arrays.column(pa.bool_(), np.zeros(0, np.bool_))])


class Asked:
    """What is looked for: as a pattern, and as the numbers of the texts that have it."""

    def __init__(self, text: str, texts: Texts, is_over: Callable[[], bool]) -> None:
        self._plain = re.escape(text)
        in_json = _in_json(text)
        either = self._plain if in_json == self._plain else f"{self._plain}|{in_json}"
        self._texts = _texts_with(texts, either, is_over)
        self._either = either

    def places(self, batch: pa.RecordBatch) -> NDArray[np.uint8]:
        """Say where in each of some kept rows it is."""
        import numpy as np

        found = np.zeros(len(batch), np.uint8)

        def note(bit: int, is_found: Mask) -> None:
            found[is_found] |= bit

        for name in CONTENT:
            note(MESSAGES, _in_list(batch[name], self._in_messages))
        for name in WORDS:
            note(ATTRIBUTES, self._in_words(batch[name]))
        note(ATTRIBUTES, _in_list(batch["attributes"], self._in_attributes))
        note(EVENTS, _in_list(batch["events"], self._in_events))
        return found

    def anywhere(self, batch: pa.RecordBatch) -> Mask:
        """Say which of some kept rows have it, in what a tree shows of them too."""
        found = (self.places(batch) > 0) | _in_list(batch["tags"], self._in_words)
        for name in SHOWN:
            found |= self._in_words(batch[name])
        return found

    def _in_messages(self, elements: Any) -> Mask:
        import pyarrow as pa

        if not pa.types.is_struct(elements.type):
            return self._in_contents(elements)
        return self._in_contents(elements.field("message")) | self._in_contents(elements.field("tail"))

    def _in_contents(self, numbers: Any) -> Mask:
        import numpy as np
        import pyarrow as pa

        column = pa.chunked_array([numbers])
        # One more than there are texts: the place of null.
        places = np.where(arrays.known(column), arrays.numbers(column, np.int32), len(self._texts) - 1)
        return self._texts[places]

    def _in_words(self, column: Any) -> Mask:
        import numpy as np
        import pyarrow as pa

        if column.null_count == len(column):
            return np.zeros(len(column), np.bool_)
        if not pa.types.is_dictionary(column.type):
            return _matches(column, self._either)
        places, words = arrays.codes(pa.chunked_array([column]))
        return np.append(_matches(words, self._either), np.False_)[places]

    def _in_attributes(self, entries: Any) -> Mask:
        found = self._in_words(entries.field("key")) | self._in_words(entries.field("value"))
        return found | self._in_contents(entries.field("content"))

    def _in_events(self, entries: Any) -> Mask:
        return _in_list(entries.field("attributes"), self._in_attributes) | self._in_words(entries.field("name"))


def _texts_with(texts: Texts, pattern: str, is_over: Callable[[], bool]) -> Mask:
    """Say of each text whether it matches, and as the last one that no text does not."""
    import numpy as np

    pieces: list[Any] = []
    for chunk in texts.chunks:
        rows = max(1, len(chunk) * PIECE_BYTES // max(1, chunk.nbytes))
        pieces += [chunk.slice(start, rows) for start in range(0, len(chunk), rows)]

    def look(piece: Any) -> Mask:
        return np.zeros(len(piece), np.bool_) if is_over() else _matches(piece, pattern)

    with ThreadPoolExecutor(os.cpu_count() or 1, "nbtrace-search") as pool:
        return np.concatenate([*pool.map(look, pieces), np.zeros(1, np.bool_)])


def _matches(column: Any, pattern: str) -> Mask:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pa.chunked_array([pc.match_substring_regex(column, pattern, ignore_case=True)])
    return arrays.known(found) & arrays.booleans(found)


def _in_list(column: Any, look: Callable[[Any], Mask]) -> Mask:
    """Look into the elements of lists: say for each list whether one of its elements has it."""
    import numpy as np

    lengths = arrays.lengths(column)
    found = np.zeros(len(column), np.bool_)
    if lengths.any():
        found[np.repeat(np.arange(len(column)), lengths)[look(column.flatten())]] = True
    return found


def _in_json(text: str) -> str:
    """Write the pattern of a text inside a JSON string, whose letters beyond ASCII may stand there as escapes."""

    def pattern(letter: str) -> str:
        forms = [json.dumps(letter, ensure_ascii=False)[1:-1]]
        if not letter.isascii():
            forms += [json.dumps(form)[1:-1] for form in (letter.lower(), letter.upper())]
        plain = [re.escape(form) for form in dict.fromkeys(forms)]
        return plain[0] if len(plain) == 1 else f"(?:{'|'.join(plain)})"

    return "".join(map(pattern, text))
