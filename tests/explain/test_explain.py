"""A span explained: the span that an export sends, in words, for every reader, whatever is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import nbtrace
from nbtrace import Session, _api, semconv
from nbtrace._explain import shown as told
from nbtrace._explain.explanation import Explanation
from nbtrace._explain.parts import PARTS
from nbtrace._export.backends import NAMES
from nbtrace._opened import Opened
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import NotFoundError
from tests.export import golden, rich
from tests.hostile import GROUPS, fill

SPANS = rich.session()


class Rich(Session):
    """A session that has the rich session's spans."""

    def snapshot(self) -> Snapshot:
        return SPANS


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    """Give the default session, with spans."""
    made = Rich()
    monkeypatch.setattr(_api, "_default", made)
    return made


def named(session: Session, name: str) -> Explanation:
    (span,) = session.spans(name=name)
    return session.explain(span)


def test_the_json_is_what_an_export_writes(session: Session, tmp_path: Path) -> None:
    session.export(tmp_path / "all.jsonl")
    documents = map(json.loads, (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines())
    spans = [
        (one["resource"], scope["scope"], span)
        for document in documents
        for one in document["resourceSpans"]
        for scope in one["scopeSpans"]
        for span in scope["spans"]
    ]
    for span, (resource, scope, written) in zip(session.spans(), spans, strict=True):
        scope_spans = [{"scope": scope, "spans": [written]}]
        document = {"resourceSpans": [{"resource": resource, "scopeSpans": scope_spans}]}
        assert session.explain(span).otlp == document


def test_what_backends_get_is_what_exports_send(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {one: value for some in golden.VARIABLES.values() for one, value in some.items()}.items():
        monkeypatch.setenv(variable, value)
    explanations = {span.name: session.explain(span) for span in session.spans()}
    for name in NAMES:
        sent = golden.kept(name)["spans"]
        assert {span: one.backends[name] for span, one in explanations.items()} == sent


def test_a_terminal_gets_every_part_and_attribute_in_words(session: Session) -> None:
    text = str(named(session, "chat gpt-6"))
    before, _, rest = text.partition("\nAttributes (14)\n")
    assert before == (
        "chat gpt-6 · llm · 1.00 s\n"
        "\n"
        "What happened\n"
        "  It failed after 1.00 s: RateLimitError: slow down\n"
        "  3 requests went out for it.\n"
        "  It was in invoke_agent researcher, in cell [3].\n"
        "\n"
        "Conversation\n"
        "  user: Wer schrieb über Spans? ö🦉\n"
        '  assistant: → look_up({"title":"Spans"})\n'
        '  tool: ← {"author":"Ada"}\n'
        "\n"
        "Parts of the span\n"
        "  trace id = 00000000000000000000000000007a11\n"
        "      All spans of one piece of work share it, over threads, processes and machines.\n"
        "  span id = 0000000000000006\n"
        "      This span's own name within its trace; what scores and links point to.\n"
        "  parent = 0000000000000002\n"
        "      The span that this one happened in. Without one it is the root of its trace.\n"
        "  flags = 257 (to be recorded, parent in this process)\n"
        "      Whether the trace was to be recorded, and whether the parent is in another process.\n"
        "  name = chat gpt-6\n"
        "      What is done, in few different words, so that spans of one name can be counted together.\n"
        "  kind = 3, CLIENT\n"
        "      Which side of a call: `CLIENT` waits for somebody else, `INTERNAL` is the program's own.\n"
        "  start = 1764115205123456789, 2025-11-26 00:00:05.123456789 UTC\n"
        "      When it began, in nanoseconds since 1970, which is why it is a text in JSON.\n"
        "  end = 1764115206123456790, 2025-11-26 00:00:06.123456790 UTC\n"
        "      When it ended. Its duration is stored nowhere: it is end minus start.\n"
        "  status = 2, ERROR: slow down\n"
        "      `ERROR` is a failure. `UNSET` is the usual case: nobody said that anything was wrong.\n"
    )
    for line in (
        "  error.type = RateLimitError",
        "      string · conditionally required if it failed · GenAI inference",
        "      any · nbtrace's own",
        "  event exception, 4.000 s after the start",
        '            {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-6"}},',
        "  langfuse: 14 attributes as they are, 11 added",
        "      + langfuse.observation.level = ERROR (its level)",
        "  opt-in: only where somebody asks for it, mostly because it may be private or large",
    ):
        assert line in rest.split("\n"), line


def test_an_output_says_what_happened_and_folds_the_rest(session: Session) -> None:
    explanation = named(session, "chat gpt-6")
    bundle = explanation._repr_mimebundle_()
    happened, rest = bundle["text/html"].split("<details><summary><b>The span as telemetry</b>")
    assert [line in happened for line in explanation.explained.happened] == [True] * 3
    assert (">gen_ai.request.model<" in happened, ">gen_ai.request.model<" in rest) == (False, True)
    brief = bundle["text/plain"]
    assert brief.startswith(str(explanation).partition("\nParts of the span\n")[0])
    assert brief.splitlines()[-1] == (
        "print() it for the rest: its 9 parts, its 14 attributes, its OTLP JSON, and what 12 backends make of it"
    )
    assert "<details open>" in explanation.to_html()


def test_limits_are_those_that_the_span_meets(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {one.backend: one for one in named(session, "chat gpt-5").explained.backends}
    assert found["grafana"].limits == ("An attribute has at most 2,048 bytes there: no text is longer.",)
    long_ago = Session()
    long_ago.store.adopt(rich.session(rich.SECOND))
    (datadog,) = [one for one in named(long_ago, "chat gpt-5").explained.backends if one.backend == "datadog"]
    assert datadog.limits[0].endswith("may not be kept there: this one may not be kept.")
    assert found["langsmith"].limits[1] == "A span whose parent never comes is lost there: this one's is there."
    assert [change.sign for change in found["langfuse"].changes].count("-") == 2
    text = "x" * 3000
    with Session() as own, own.span("step") as step:
        step.input(text)
    explanation = own.explain(own.spans()[-1])
    grafana = next(one for one in explanation.explained.backends if one.backend == "grafana")
    assert grafana.limits == ("An attribute has at most 2,048 bytes there: input.value is longer and cut.",)
    assert [(change.sign, change.key) for change in grafana.changes] == [("~", "input.value"), ("+", semconv.CUT)]
    assert explanation.backends["grafana"]["input.value"] == "x" * 2045 + "…"


def test_names_beyond_a_limit_are_few_and_visible() -> None:
    with Session() as session, session.span("step") as step:
        step.set(**{f"\x1b]0;{number}{'k' * 500}": "x" * 3000 for number in range(8)})
    found = session.explain(session.spans()[-1]).explained.backends
    (limit,) = next(one.limits for one in found if one.backend == "grafana")
    assert "\x1b" not in limit
    assert "3 more attributes" in limit
    assert len(limit) < 600


def test_json_that_is_nested_deep_is_explained() -> None:
    deep = "[" * 300 + "]" * 300
    calls = f'[{{"role":"user","parts":[{{"type":"tool_call","name":"find","arguments":{deep}}}]}}]'
    with Session() as session:
        for key, value in ((semconv.INPUT_MESSAGES, calls), (semconv.INPUT_VALUE, deep)):
            with session.span("step") as step:
                step.set(**{key: value})
    called, given = map(session.explain, session.spans())
    assert called.explained.said[0].text == f"→ find({deep})"
    assert given.backends["mlflow"]["mlflow.spanInputs"] == deep


def test_a_span_is_found_by_all_that_means_it(session: Session, tmp_path: Path) -> None:
    span = session.spans(name="chat gpt-5")[0]
    path = tmp_path / "session.parquet"
    session.export(path)
    opened = nbtrace.open(path)
    assert isinstance(opened, Opened)
    for explanation in (
        nbtrace.explain(span),
        nbtrace.explain(span.span_id),
        nbtrace.explain({"id": "chatcmpl-1"}),
        opened.explain(opened.of({"id": "chatcmpl-1"})),
        Session().explain(opened.spans(name="chat gpt-5")[0]),
    ):
        assert explanation.explained.parts[1].value == span.span_id
    assert repr(nbtrace.explain()) == "<nbtrace explanation: embeddings small>"


def test_what_is_not_there_is_said(session: Session) -> None:
    with pytest.raises(NotFoundError, match="no LLM call was recorded yet; make one, or say which span"):
        Session().explain()
    with pytest.raises(NotFoundError, match="no span begins with 'ffff'"):
        session.explain("ffff")


def test_a_span_that_runs_is_without_its_end_and_is_not_sent() -> None:
    with Session() as session, session.span("step"):
        explanation = session.explain(session.spans()[-1])
    assert "endTimeUnixNano" not in json.dumps(explanation.otlp)
    assert "end = none: it has not ended" in str(explanation)
    assert {one.limits[0] for one in explanation.explained.backends} == {
        "It has not ended, and is not sent before it does."
    }


def test_what_is_not_in_the_glossary_and_what_has_another_type_is_said() -> None:
    with Session() as session, session.span("step") as step:
        step.set(colour="red", kind="mine", **{semconv.REQUEST_TEMPERATURE: "hot"})
    facts = {one.title: one for one in session.explain(session.spans()[-1]).explained.attributes}
    assert facts["colour"].why == "Not in the glossary: it is your own, or of another instrumentation."
    assert told.of_fact(facts["colour"]) == "string"
    assert (facts["kind"].value, facts["kind"].key in PARTS) == ("mine", False)
    assert told.of_fact(facts[semconv.REQUEST_TEMPERATURE]) == "double (here a string) · recommended · GenAI inference"


def test_both_sides_of_the_page_lead_to_each_other(session: Session) -> None:
    explanation = named(session, "chat gpt-5")
    html = explanation._repr_mimebundle_()["text/html"]
    ids = re.findall(r' id="([^"]+)"', html)
    links = re.findall(r' href="#([^"]+)"', html)
    attributes = len(explanation.explained.attributes)
    assert len(set(ids)) == len(ids)
    assert set(links) <= set(ids)
    assert len(links) > 2 * attributes
    assert html.count(":has(") > attributes
    page = explanation.to_html()
    assert re.findall(r"<script|<link|<img|@import|url\(|\ssrc=", page) == []
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_hostile_is_text_for_every_reader_and_small(group: str) -> None:
    session = Session()
    fill(session.store, GROUPS[group][:: max(1, len(GROUPS[group]) // 2)])
    for span in session.spans():
        explanation = session.explain(span)
        bundle: dict[str, Any] = explanation._repr_mimebundle_()
        html, text, markdown = bundle["text/html"], bundle["text/plain"], explanation.to_markdown()
        drawn = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
        assert set(re.findall(r"<([a-z][a-z0-9]*)", drawn)) <= {
            "a", "b", "br", "code", "details", "div", "pre", "small", "span", "summary", "u",
        }  # fmt: skip
        assert re.findall(r"<[^>]+\s(?:on\w+|src|style)=(?!\"--d:\d\")", drawn) == []
        assert set(re.findall(r'href="([^#"][^"]*)', drawn)) <= {one.url for one in told.CONVENTIONS.values()}
        hidden = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
        assert [shown for shown in (html, text, markdown) if hidden.search(shown)] == []
        prose = re.sub(r"^(`{3,})json\n.*?\n\1$", "", markdown, flags=re.DOTALL | re.MULTILINE)
        assert set(re.findall(r"</?([a-zA-Z][^\s>]*)", prose)) <= {"br"}
        assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(|@(?!<!-- -->)|http://", prose)
        assert len(html.encode()) < 200_000
        assert len(markdown.encode()) < 61_000


def test_much_is_counted_and_what_is_long_is_cut_in_words() -> None:
    with Session() as session, session.span("step") as step:
        step.input("y" * 9_000)
        step.set(**{f"attribute.{number:03}": number for number in range(400)})
    explanation = session.explain(session.spans()[-1])
    text = str(explanation)
    left_out = len(explanation.explained.attributes) - told.FACTS
    assert f"  … {left_out} more attributes" in text.split("\n")
    assert "… 7,000 more characters" in text
    assert len(text) < 60_000
    assert re.search(r"… \d+ more attributes</div>", explanation.to_html())
    assert re.search(r"… \d+ more lines</div>", explanation.to_html())


def test_json_that_is_drawn_is_the_json(session: Session) -> None:
    lines = told.json_lines(named(session, "retrieval library").explained)
    assert json.loads("\n".join(lines)) == named(session, "retrieval library").otlp
