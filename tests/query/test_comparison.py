"""Calls of a prompt side by side: which are of one row and column, and what they come to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import Session
from nbtrace._query.comparison import Comparing, Comparison, Run, Variant, calls_of
from nbtrace._query.statistics import change
from nbtrace._query.verdict import result, verdict
from nbtrace._store.scores import Score
from nbtrace._store.snapshot import Snapshot
from nbtrace._widgets.matrix import plain
from nbtrace.errors import NotFoundError, UsageError
from tests.capture.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with Loopback() as server, openai.OpenAI(base_url=server.url, api_key="local", max_retries=0) as made:
        yield made


def ask(client: openai.OpenAI, text: str, **options: Any) -> None:
    client.chat.completions.create(
        model=options.pop("model", "m"), messages=[{"role": "user", "content": text}], **options
    )


def run(version: int, question: str, *, error: str | None = None, scores: Any = None, **figures: float) -> Run:
    variant = Variant("p", str(version), "m")
    variables = (("q", question),)
    return Run(
        variant, variables, "0" * 32, "0" * 16, 0, "said", "stop", error, figures, "priced", scores=scores or {}
    )  # fmt: skip


def test_calls_are_aligned_by_what_their_prompts_were_rendered_with(session: Session, client: openai.OpenAI) -> None:
    first, second = session.prompt("say", "Say {what}"), session.prompt("say", "Do say {what}")
    for prompt, what in ((first, "a"), (first, "b"), (second, "b"), (second, "a"), (second, "a"), (first, "c")):
        ask(client, prompt.format(what=what))
    ask(client, "Say d")
    found = Comparison.of(calls_of(session.spans(), ["say"]))
    assert found.labels == ("v1", "v2")
    assert found.inputs == ((("what", "a"),), (("what", "b"),), (("what", "c"),))
    assert [[len(found.cell(row, column)) for column in range(2)] for row in range(3)] == [[1, 2], [1, 1], [1, 0]]
    only = found.cell(1, 1)[0]
    span = session.spans()[2]
    assert (only.trace_id, only.span_id, only.output, only.finish, only.error, only.template) == (
        span.trace_id, span.span_id, "Hello!", "stop", None, "Do say {what}",
    )  # fmt: skip
    assert only.figures["output_tokens"] == span.output_tokens
    assert only.figures["latency_s"] == span.duration_ns / 1e9


def test_a_variant_is_named_by_what_tells_it_from_the_others(session: Session, client: openai.OpenAI) -> None:
    prompt = session.prompt("say", "Say {what}")
    for options in ({"temperature": 0.5}, {"temperature": 0.5, "model": "n"}, {"temperature": 1, "model": "n"}):
        ask(client, prompt.format(what="it"), max_tokens=5, **options)
    assert Comparison.of(calls_of(session.spans(), ["say"])).labels == (
        "v1 · m · temperature 0.5", "v1 · n · temperature 0.5", "v1 · n · temperature 1.0",
    )  # fmt: skip


def test_scores_and_errors_are_of_their_runs(session: Session, client: openai.OpenAI) -> None:
    prompt = session.prompt("say", "Say {what}")
    ask(client, prompt.format(what="it"))
    with pytest.raises(openai.APIConnectionError):
        ask(openai.OpenAI(base_url="http://127.0.0.1:9", api_key="x", max_retries=0), prompt.format(what="it"))
    span = session.spans()[0]
    for value in (0.25, 0.75):
        session.rate(Score(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), "good", value))
    found = Comparison.of(calls_of(session.spans(), ["say"]))
    assert [(one.error, one.scores) for one in found.cell(0, 0)] == [
        (None, {"good": 0.75}),
        ("openai.APIConnectionError: Connection error.", {}),
    ]
    assert (found.figure(0, 0, "good"), found.score_names) == (0.75, ("good",))


def test_what_was_never_called_is_named_with_what_was(session: Session, client: openai.OpenAI) -> None:
    ask(client, session.prompt("say", "Say {what}").format(what="it"))
    message = "there is no call with the prompt 'sing'; the prompts with calls are: 'say'"
    with pytest.raises(NotFoundError, match=f"^{re.escape(message)}$"):
        calls_of(session.spans(), ["sing"])


def test_the_baseline_is_a_version_or_a_label() -> None:
    found = Comparison([run(1, "a"), run(2, "a")])
    assert [found.baseline(given) for given in (None, 1, 2, "v2", "2")] == [0, 0, 1, 1, 1]
    with pytest.raises(UsageError, match=r"^unknown baseline '3'; expected one of: v1, v2$"):
        found.baseline(3)


def test_a_baseline_that_means_several_names_them() -> None:
    variants = [Variant("p", "1", model) for model in "mn"]
    found = Comparison([replace(run(1, "a"), variant=one) for one in variants])
    with pytest.raises(UsageError, match=r"^cannot use baseline=1; expected one of 'v1 · m', 'v1 · n'$"):
        found.baseline(1)
    assert found.baseline("v1 · n") == 1


def test_versions_without_a_number_stand_in_the_order_of_their_use() -> None:
    names = ["2025-06-01", "draft", "2025-05-31"]
    runs = [replace(run(1, "a"), variant=Variant("p", name, model)) for name in names for model in "nm"]
    found = [(one.version, one.model) for one in Comparison(runs).variants]
    assert found == [(name, model) for name in names for model in "mn"]


def test_calls_are_compared_again_only_when_there_is_something_new(session: Session, client: openai.OpenAI) -> None:
    made: list[int] = []

    def make(calls: Snapshot) -> Comparison:
        made.append(len(calls))
        return Comparison.of(calls)

    comparing = Comparing(lambda: calls_of(session.spans(), ["say"]), make)
    prompt = session.prompt("say", "Say {what}")
    ask(client, prompt.format(what="a"))
    assert comparing() is comparing()
    ask(client, "something else")
    assert comparing() is comparing()
    ask(client, prompt.format(what="b"))
    assert len(comparing().runs) == 2
    span = session.spans()[0]
    session.rate(Score(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), "good", 1.0))
    assert comparing().score_names == ("good",)
    assert made == [1, 2, 2]


def test_what_is_unknown_is_no_zero_and_failed_runs_have_no_figures() -> None:
    found = Comparison([
        run(1, "a", cost_usd=0.5), run(1, "a"), run(1, "a", cost_usd=0.25), run(1, "a", cost_usd=9.0, error="E"),
    ])  # fmt: skip
    assert (found.figure(0, 0, "cost_usd"), found.figure(0, 0, "latency_s")) == (0.375, None)


def told(*runs: Run) -> tuple[str, ...]:
    return verdict(Comparison(runs)).sentences


def test_a_sentence_says_what_differs_and_what_does_not() -> None:
    questions = [str(number) for number in range(10)]
    before = [run(1, q, cost_usd=1.0, latency_s=1 + int(q) % 2, scores={"latency": 0.5}) for q in questions]
    after = [run(2, q, cost_usd=0.8, latency_s=2 - int(q) % 2, scores={"latency": 0.7}) for q in questions]
    assert told(*before, *after) == (
        (
            "v2 is cheaper by 20 % [20, 20], higher in score latency by 0.2 [0.2, 0.2], latency unchanged within noise "
            "(10 inputs compared)"
        ),
    )


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([run(1, "a"), run(2, "b")],
         ("v2 cannot be compared (0 inputs compared; nothing to compare; 2 with only one of them; cost unknown: "
         "unpriced)")),
        ([run(1, "a", cost_usd=1.0), run(2, "a", cost_usd=2.0)],
         "v2 was dearer by 100 % in too few inputs to tell that from chance (1 input compared)"),
        ([run(1, "a", cost_usd=1.0), run(1, "b", cost_usd=1.0), run(2, "a", cost_usd=1.0), run(2, "b", error="E")],
         ("v2 was of the same cost in too few inputs to tell that from chance (1 input compared; "
         "errors: 1, before 0)")),
        ([run(n, q, output_tokens=n, scores={"good": float(n)}) for n in (1, 2) for q in "abcd"],
         ("v2 was longer by 100 % and higher in score good by 1 in too few inputs to tell that from chance "
         "(4 inputs compared; cost unknown: unpriced)")),
        ([run(n, q, cost_usd=n) for n in (1, 2) for q in "abcd"]
         + [run(n, "e", cost_usd=n, latency_s=n) for n in (1, 2)],
         ("v2 is dearer by 100 % [100, 100], and was slower by 100 % in too few inputs to tell that from chance "
         "(5 inputs compared; few: the intervals are narrower than they should be)")),
    ],
)  # fmt: skip
def test_a_sentence_says_on_what_it_rests(runs: list[Run], sentence: str) -> None:
    assert told(*runs) == (sentence,)


def test_the_more_variants_are_compared_the_wider_is_each_interval() -> None:
    spread = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.04, 1.06, 1.08, 1.1]
    runs = [run(1, str(q), cost_usd=1.0) for q in range(10)]
    runs += [run(version, str(q), cost_usd=by) for version in range(2, 22) for q, by in enumerate(spread)]
    one, many = Comparison(runs[:20]), Comparison(runs)
    (alone,), measured = verdict(one).measured, verdict(many).measured
    before, after = [1.0] * 10, spread
    assert alone.change == change(before, after, relative=True)
    assert {each.change for each in measured} == {change(before, after, relative=True, comparisons=20)}
    assert measured[0].change.low < alone.change.low < alone.change.high < 0 < measured[0].change.high
    assert (verdict(one).sentences[0], {each.split(" ", 1)[1] for each in verdict(many).sentences}) == (
        f"v2 is cheaper by 13 % [{-alone.change.high * 100:.0f}, {-alone.change.low * 100:.0f}] (10 inputs compared)",
        {"cost unchanged within noise (10 inputs compared; intervals widened for 20 comparisons)"},
    )


def test_the_changes_are_a_table() -> None:
    found = Comparison([run(n, q, cost_usd=1.0 / n, scores={"cost": 1.0}) for n in (1, 2) for q in "ab"])
    cost, score = result(found, verdict(found)).table.to_pylist()
    assert cost == (
        {
            "variant": "v2",
            "baseline": "v1",
            "figure": "cost_usd",
            "inputs": 2,
            "before": 1.0,
            "after": 0.5,
            "change": -0.5,
            "low": -0.5,
            "high": -0.5,
            "relative": True,
            "lower": 2,
            "equal": 0,
            "higher": 0,
        }
    )
    assert (score["figure"], score["before"], score["equal"]) == ("score.cost", 1.0, 2)
    assert "$1.00 · score cost 1" in plain(found)  # fmt: skip


def test_runs_are_rows_of_a_table() -> None:
    found = Comparison([run(1, "a", cost_usd=1.0, scores={"good": 1.0}), run(2, "a")])
    frame = found.result().to_pandas()
    assert frame[["variant", "input", "input.q", "cost_usd", "score.good"]].fillna(-1).to_numpy().tolist() == [
        ["v1", 0, "a", 1.0, 1.0],
        ["v2", 0, "a", -1, -1],
    ]
