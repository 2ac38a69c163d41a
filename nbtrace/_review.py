"""The public functions of `nbtrace` for who reviews: what has changed or drifted, was said to whom, and a span is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from nbtrace._api import default
from nbtrace._opened import read_back

if TYPE_CHECKING:
    import os

    from nbtrace._explain.explanation import Explanation
    from nbtrace._query.filters import Filters
    from nbtrace._query.frame import Spans
    from nbtrace._query.samples import Vectors
    from nbtrace._trail.trail import Trail
    from nbtrace._trail.verify import Verified
    from nbtrace._widgets.diff import Diff
    from nbtrace._widgets.drift import Drift


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


def drift(before: object, after: object = None, *, by: str | None = None, embeddings: Vectors | None = None) -> Drift:
    """Say whether calls have come to behave otherwise: two periods, sessions or files, or the groups of one.

    Of the LLM calls that have ended, tokens, times, cost and scores are tested by Mann and Whitney (larger or smaller
    than before, with Cliff's delta) and by Kolmogorov and Smirnov (spread otherwise, with D); finish reasons, refusals,
    errors, the models that answered and verdicts by Fisher's exact test or chi-squared (with Cramér's V). All p-values
    are corrected together (Holm). What moved has a p-value below 0.05 then, and an effect that is not negligible. The
    tests take calls to be independent of each other: a hundred repeats of one prompt say less than they seem to.

    Args:
        before: what `nbtrace.open` takes or gives, a session, or spans, as `nbtrace.spans(until="1d")` chooses them.
        after: the same, of later; without it, the groups of `before` are compared with the one that began first.
        by: a column, such as `model`, `response_model`, `session` or `prompt_version`; with `after`, each group is
            compared with itself before.
        embeddings: vectors to compare as well, by their energy distance: the name of an attribute that holds one, a
            function that makes an array of a list of answers, or two arrays, of before and of after, a vector a row.

    Returns:
        A table, a row a test, that is true if something moved: `sentence`, `moved`, `to_pandas()`, `to_markdown()`, and
        `chart()`, a plotly figure. What is known of fewer than 8 calls is said and not tested.

    Raises:
        ReadError: there is nothing to read.
        UsageError: there is nothing to compare with, no such column, or the embeddings are none.

    Examples:
        >>> import nbtrace
        >>> bool(nbtrace.drift(nbtrace.spans(until="1d"), nbtrace.spans(since="1d")))
        False
    """
    from nbtrace._query.drift import drifts
    from nbtrace._widgets.drift import Drift

    return Drift(drifts(_spans(before), None if after is None else _spans(after), by, embeddings))


def explain(span: object = None) -> Explanation:
    """Say what happened in a span, and show it as telemetry: what each part and attribute of it is.

    First stand a few sentences (how it ended and why, what was tried, where it was) and the conversation. Folded below
    are its parts (trace id, parent, kind, status, events, resource, scope and so on) and its attributes, each with its
    convention, requirement level, type, and why it matters; beside these the span as OTLP JSON, by the encoder that
    exports use; below what each backend gets, by the overlay that exports use, where its users see it, and which limits
    it meets. An attribute that is not in the glossary is your own, and says so.

    What routes spans within a backend, such as a project, is added when they go, from variables, and is not shown.

    Args:
        span: a row such as `nbtrace.spans()[-1]`, a span's id or its first digits, or what `nbtrace.of` takes, such as
            a response; without it the last LLM call. It may be of a file that was opened.

    Returns:
        The explanation, drawn in a notebook; `print(explanation)` for all of it in a terminal, `to_markdown()`,
        `to_html()`; `otlp` and `backends` are the data.

    Raises:
        NotFoundError: there is no such span, or no LLM call yet.

    Examples:
        >>> import nbtrace
        >>> with nbtrace.session(), nbtrace.span("look up", kind="tool"):
        ...     pass
        >>> print(nbtrace.explain(nbtrace.spans()[-1]).to_markdown().splitlines()[2])
        ### What happened
        >>> nbtrace.session().stop()
    """
    return default().explain(span)


class Audits:
    """What did the AI say to whom, and why: chosen spans as a page and a file, bound by a chain of hashes.

    (What still looks like a secret is told by `%nbtrace audit` and `nbtrace.session().audit()`.)

    Called with `spans=`, which is whatever `nbtrace.open` takes or gives (without it the session's), and any filters of
    `nbtrace.spans`, it gives the audit. Its `write(path)` writes a Parquet file, or a page to read with that file
    beside it, and returns the head of the chain, a SHA-256 of all spans. Keep the head elsewhere: `verify` finds the
    span that was changed, removed or moved, and by the head also that all was written anew.

    Examples:
        >>> import nbtrace, tempfile
        >>> path = tempfile.mkdtemp() + "/audit.parquet"
        >>> head = nbtrace.audit(user="ada", since="30d").write(path)
        >>> bool(nbtrace.audit.verify(path, head=head))
        True
    """

    def __call__(self, spans: object = None, **filters: Unpack[Filters]) -> Trail:
        """Choose the spans of an audit.

        Raises:
            UsageError: a filter is unknown or has a value that it cannot use.
            ReadError: there is nothing to read.
        """
        from nbtrace._trail.trail import Trail

        whole = _spans(default() if spans is None else spans)
        given = {name: value for name, value in filters.items() if value is not None}
        return Trail(whole.filter(**filters), whole.snapshot, given)

    def verify(self, path: str | os.PathLike[str], *, head: str | None = None) -> Verified:
        """Say whether an audit's file is as it was written, and if not, at which span it is not.

        Args:
            path: the Parquet file.
            head: what `write` returned, if it was kept.

        Returns:
            What was found: true if all is as it was; `problems` names the spans.

        Raises:
            ReadError: it is not there, is no audit, or cannot be read as Parquet any more.
        """
        from nbtrace._trail.verify import verify

        return verify(Path(path), head)


audit = Audits()


def _spans(given: object) -> Spans:
    from nbtrace._query.frame import Spans

    return given if isinstance(given, Spans) else read_back(given, default()).spans()
