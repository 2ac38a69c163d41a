"""The compare widget: versions of a prompt side by side, each answer against the baseline's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
import traitlets

from nbtrace._query import verdict as verdicts
from nbtrace._query.comparison import FIGURES, Comparison, Run
from nbtrace._store.labels import Judgement
from nbtrace._widgets import matrix
from nbtrace._widgets.assets import bundle
from nbtrace._widgets.base import SpanWidget
from nbtrace._widgets.protocol import PROTOCOL_VERSION, CompareReply
from nbtrace._widgets.rating import ByHand, RatingWire
from nbtrace._widgets.wire import Wire

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from nbtrace._query.result import Result
    from nbtrace._store.snapshot import Snapshot
    from nbtrace._widgets.wire import Look, Subscribe

Compare = Callable[[], Comparison]

LONGEST: Final = 20_000
"""Characters of an answer that go to the browser; the call itself has all of it."""
LONGEST_VALUE: Final = 2_000
"""Characters of a variable's value that go to the browser."""


class CompareWire(RatingWire):
    """Answers what the compare view asks, besides the trees and spans of the calls compared."""

    def __init__(self, look: Compare, by_hand: ByHand, snapshot: Look, subscribe: Subscribe, send: Any) -> None:
        super().__init__(by_hand, snapshot, subscribe, send)
        self._comparison = look

    def handle(self, request: object) -> None:
        """Answer one message of the JavaScript."""
        match request:
            case {"id": int(number), "kind": "compare"}:
                message = cast("dict[str, Any]", request)
                self._answer(number, "compare", message, lambda: self._compared(number, message))
            case _:
                super().handle(request)

    def _compared(self, number: int, message: dict[str, Any]) -> tuple[CompareReply, pa.Table]:
        self._listen()
        revision = self._revision
        comparison = self._comparison()
        baseline = message.get("baseline")
        column = baseline if isinstance(baseline, int) and 0 <= baseline < len(comparison.variants) else 0
        reply = CompareReply(
            id=number,
            kind="compare",
            version=PROTOCOL_VERSION,
            revision=revision,
            head=orjson.dumps(head(comparison, column)).decode(),
        )
        scores = self._snapshot().scores
        return reply, cells(comparison, self._by_hand.labels.judged(scores, self._by_hand.annotator()))

    def outline(self, spans: Snapshot) -> object:
        """Take what tells two comparisons apart: the spans, and how many scores there are."""
        return super().outline(spans), len(spans.scores)


class CompareWidget(SpanWidget):
    """Compare the calls of prompts; drawn live, and with the doors of a table.

    Args:
        look: Returns the comparison as it is now.
        by_hand: What a reader may say of a call.
        snapshot: Returns the spans of the traces that the calls are of.
        subscribe: Registers a callback for changes.
    """

    _esm = bundle("compare")

    height = traitlets.Int(560, min=200, help="Tallest that the view gets, in pixels.").tag(sync=True)
    """Tallest that the view gets, in pixels."""
    baseline = traitlets.Int(0, min=0, help="Number of the variant that the others are compared with.").tag(sync=True)
    """The variant that the others are compared with: its place in `comparison.variants`, from 0."""

    _labels = traitlets.Dict().tag(sync=True)
    """What a reader may say of a call by hand."""

    def __init__(self, look: Compare, by_hand: ByHand, snapshot: Look, subscribe: Subscribe, **traits: Any) -> None:
        self._comparison = look
        self._by_hand = by_hand
        super().__init__(snapshot, subscribe, **traits)
        self._labels = by_hand.trait()

    def make_wire(self, snapshot: Look, subscribe: Subscribe) -> Wire:
        """Make the kernel's end of this widget."""
        return CompareWire(self._comparison, self._by_hand, snapshot, subscribe, self.send)

    @property
    def comparison(self) -> Comparison:
        """What is compared, as it is now: `variants`, `inputs` and `runs`."""
        return self._comparison()

    def summary(self) -> Result:
        """Give what changed against the baseline, a row a variant and figure, with its interval.

        It is one of 95 %, widened for the number of variants (Bonferroni); of fewer than five inputs it says little.
        """
        comparison = self._comparison()
        return verdicts.result(comparison, verdicts.verdict(comparison, self.baseline))

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it comes to, a plain sentence for each variant but the baseline."""
        return verdicts.verdict(self._comparison(), self.baseline).sentences

    def to_pandas(self) -> pd.DataFrame:
        """Give a row a call: variant, input, answer, figures, scores."""
        return self._comparison().result().to_pandas()

    def to_polars(self) -> Any:
        """Give the same as a polars data frame.

        Raises:
            UsageError: polars is not installed.
        """
        return self._comparison().result().to_polars()

    def to_markdown(self) -> str:
        """Give a Markdown table with every input and answer."""
        return matrix.markdown(self._comparison(), self.baseline)

    def to_html(self) -> str:
        """Give the static picture that a saved notebook shows."""
        return matrix.html(self._comparison(), self.baseline)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._comparison().table().__arrow_c_stream__(requested_schema)

    def still(self) -> tuple[str, str]:
        """Draw static HTML and text."""
        comparison = self._comparison()
        return matrix.html(comparison, self.baseline), matrix.plain(comparison, self.baseline)


def head(comparison: Comparison, baseline: int) -> dict[str, Any]:
    """Describe the columns and rows, and what they come to, for the JavaScript."""
    judged = verdicts.verdict(comparison, baseline)
    templates = {run.variant: run.template for run in comparison.runs}
    return {
        "title": matrix.headline(comparison),
        "baseline": baseline,
        "variants": [
            {
                "label": comparison.labels[column],
                "prompt": one.prompt,
                "version": one.version,
                "model": one.model,
                "settings": one.settings,
                "template": templates.get(one),
            }
            for column, one in enumerate(comparison.variants)
        ],
        "inputs": [[(name, _cut(value, LONGEST_VALUE)[0]) for name, value in one] for one in comparison.inputs],
        "scores": comparison.score_names,
        "sentences": judged.sentences,
        "measured": [
            {"column": one.column, "figure": one.figure, "isScore": one.is_score, **_change(one.change)}
            for one in judged.measured
        ],
    }


def _change(found: Any) -> dict[str, Any]:
    names = ("n", "change", "low", "high", "fewer", "more", "equal")
    return {name: getattr(found, name) for name in names} | {
        "isRelative": found.is_relative,
        "isNoise": found.is_noise,
    }


def cells(comparison: Comparison, judged: Mapping[tuple[bytes, bytes], Judgement]) -> pa.Table:
    """Give every run as a row for the JavaScript, without nulls: unknown is NaN, or the empty text."""
    import pyarrow as pa

    runs = comparison.runs
    rows, columns = zip(*map(comparison.place, runs), strict=True)
    said = [_cut(run.output, LONGEST) for run in runs]
    found: dict[str, Any] = {
        "variant": pa.array(columns, pa.int32()),
        "input": pa.array(rows, pa.int32()),
        "output": pa.array([text for text, _ in said], pa.string()),
        "left_out": pa.array([cut for _, cut in said], pa.int32()),
        "state": pa.array([_state(run) for run in runs], pa.string()),
    }
    for name in ("trace_id", "span_id", "finish"):
        found[name] = pa.array([getattr(run, name) for run in runs], pa.string())
    for name in ("error", "cost_state", "usage_state"):
        found[name] = pa.array([getattr(run, name) or "" for run in runs], pa.string())
    for name in FIGURES:
        found[name] = pa.array([run.figures.get(name, float("nan")) for run in runs], pa.float64())
    own = [judged.get((bytes.fromhex(run.trace_id), bytes.fromhex(run.span_id)), Judgement()) for run in runs]
    found["choice"] = pa.array([one.number for one in own], pa.int32())
    found["note"] = pa.array([one.note for one in own], pa.string())
    found["scores"] = pa.array([orjson.dumps(dict(run.scores)).decode() for run in runs], pa.string())
    return pa.table(found)


def _state(run: Run) -> str:
    return "error" if run.error is not None else "over" if run.is_over else "running"


def _cut(text: str, length: int) -> tuple[str, int]:
    """Shorten a text; gives how many characters are left out too."""
    return (text, 0) if len(text) <= length else (text[:length], len(text) - length)
