"""The public function of `nbtrace` that puts one recording beside an earlier one, for a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace._api import default
from nbtrace._opened import read_back

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._widgets.diff import Diff


def diff(before: object, after: object) -> Diff:
    """Say what has changed between two recordings: which calls, what they were asked, what they answered and cost.

    The trees of spans are aligned from the roots down, siblings in their order: first those that are the same in kind,
    operation, prompt (of what is no call: name, of a cell: id) and in what they were asked last, then between these
    those that are the same but for what they were asked, then those of the same kind and operation. What is left was
    added or removed. A span has changed if a word, number, setting, text or score of it is otherwise; another time
    alone is no change.

    Args:
        before: what `nbtrace.open` takes or gives, a session, or spans, as `nbtrace.spans(...)` chooses them.
        after: the same, of later.

    Returns:
        The diff: `print(diff)` for a terminal, `to_markdown()` for a pull request, `to_pandas()`, drawn in a notebook;
        `counts`, `summary` and `changes` are the data, and `broken("cost > +10%")` says which thresholds are broken.

    Raises:
        ReadError: there is nothing to read.

    Examples:
        >>> import nbtrace
        >>> nbtrace.diff(nbtrace.spans(), nbtrace.spans()).counts
        {'added': 0, 'removed': 0, 'changed': 0, 'same': 0}
    """
    from nbtrace._query.changes import changes
    from nbtrace._widgets.diff import Diff

    return Diff(changes(_spans(before), _spans(after)))


def _spans(given: object) -> Spans:
    from nbtrace._query.frame import Spans

    return given if isinstance(given, Spans) else read_back(given, default()).spans()
