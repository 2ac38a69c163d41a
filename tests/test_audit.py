"""The audit: what it finds, where it says that is, and that it never shows what it found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbtrace import Session
from tests.trace.redact.secrets import KEYS

(KEY, *_) = KEYS["groq-key"]
(OTHER, *_) = KEYS["github-token"]
PNG = "iVBORw0KGgo" + "0612345678" * 200


def found(session: Session, notebook: Path | str = "nowhere.ipynb") -> list[tuple[str, str, int, str]]:
    table = session.audit(notebook)
    return list(zip(table["where"], table["rule"], table["count"], table["sample"], strict=True))


def saved(path: Path, *cells: dict[str, Any], **metadata: object) -> Path:
    path.write_text(json.dumps({"nbformat": 4, "metadata": metadata, "cells": cells}), encoding="utf-8")
    return path


def output(**data: object) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {name.replace("_", "/"): value for name, value in data.items()}}


def test_what_was_masked_is_no_finding(session: Session) -> None:
    with session.span("look", kind="tool") as step:
        step.input({"api_key": KEY, "text": f"use {OTHER}"}).output(f"Authorization: Bearer {KEY}")
    audit = session.audit("nowhere.ipynb")
    assert len(audit) == 0
    assert audit.notes == (
        "in what is kept of 1 spans: nothing looks like a secret",
        "its outputs were not looked at: the notebook nowhere.ipynb cannot be read: FileNotFoundError; is it saved?",
    )


def test_what_no_rule_in_force_knew_of_is_found_once_for_all_spans_that_have_it(session: Session) -> None:
    for name in ("first", "second", "third"):
        with session.span(name, kind="tool") as step:
            step.input("write to ada@example.org, or bob@example.org; then it is done").output(f"{name}: 42")
    assert found(session) == [
        (
            "span 0000000000000001 (execute_tool first) and 2 more, gen_ai.tool.call.arguments",
            "email",
            2,
            "write to [redacted: email], or [redacted: email]; then it…",
        )
    ]


def test_messages_names_events_and_words_are_looked_through(session: Session) -> None:
    span = session.tracing.start("mail ada@example.org", attributes={"gen_ai.request.model": "bob@example.org"})
    span.add_event("to eve@example.org", {"to": "mallory@example.org"})
    span.set_attribute("seen by trent@example.org", "4111 1111 1111 1111")
    message = [{"role": "user", "parts": [{"type": "text", "content": "call +49 30 1234567"}]}]
    span.set_attribute("gen_ai.input.messages", json.dumps(message))
    span.end()
    at = "span 0000000000000001 (mail [redacted: email]), "
    assert sorted((where.removeprefix(at), rule) for where, rule, *_ in found(session)) == [
        ("attribute name", "email"),
        ("event name", "email"),
        ("input_messages", "phone"),
        ("name", "email"),
        ("request_model", "email"),
        ("seen by [redacted: email]", "card"),
        ("to", "email"),
    ]


def test_a_secret_that_becomes_known_later_is_found_in_what_was_kept_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session.span("look", kind="tool") as step:
        step.output("the word is xylophone-Quartz7")
    assert found(session) == []
    monkeypatch.setenv("VAULT_PASSWORD", "xylophone-Quartz7")
    ((_, rule, count, sample),) = found(session)
    assert (rule, count, sample) == ("VAULT_PASSWORD", 1, "the word is [redacted: VAULT_PASSWORD]")


def test_rules_of_the_users_own_are_asked_too(session: Session) -> None:
    with session.span("look", kind="tool") as step:
        step.input("ACME-123456").output("Ada said so")
    assert found(session) == []
    session.redact(r"ACME-\d{6}", name="badge")
    session.redact(lambda text: text.replace("Ada", "…"), name="people")
    assert [(rule, sample) for _, rule, _, sample in found(session)] == [
        ("badge", "[redacted: badge]"),
        ("people", "[redacted: people]"),
    ]


def test_masks_that_are_there_already_are_not_counted(session: Session, tmp_path: Path) -> None:
    text = f"key [redacted: groq-key] and {KEY}"
    notebook = saved(tmp_path / "a.ipynb", {"source": "1", "outputs": [output(text_plain=text)]})
    assert found(session, notebook) == [
        ("cell 1, output 1 (text/plain)", "groq-key", 1, "key [redacted: groq-key] and [redacted: groq-key]")
    ]


def test_a_notebooks_sources_outputs_and_metadata_are_looked_through(session: Session, tmp_path: Path) -> None:
    traceback = [f"\x1b[0;31mValueError\x1b[0m: \x1b[1m{KEY[:6]}\x1b[0m{KEY[6:]}\n"]
    notebook = saved(
        tmp_path / "ada@example.org.ipynb",
        {"cell_type": "markdown", "source": ["ask ", "eve@example.org"]},
        {
            "execution_count": 7,
            "source": f"client = Groq(api_key='{KEY}')",
            "outputs": [
                {"output_type": "stream", "name": "stderr", "text": ["login ", f"{OTHER}\n"]},
                {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": traceback},
                output(text_html=f"<b title='password=&quot;{KEY[::-1]}&quot;'>{OTHER}</b>", image_png=PNG),
                output(application_json={"password": "correct-Horse7", "of": ["me"]}),
                output(text_html=f'<img src="data:image/png;base64,{PNG}">'),
            ],
        },
        widgets={"state": {"token": OTHER}},
    )
    audit = session.audit(notebook)
    assert list(zip(audit["where"], audit["rule"], audit["count"], strict=True)) == [
        ("notebook metadata", "token", 1),
        ("cell 1, source", "email", 1),
        ("cell 2 [7], source", "groq-key", 1),
        ("cell 2 [7], output 1 (stderr)", "github-token", 1),
        ("cell 2 [7], output 2 (error)", "groq-key", 1),
        ("cell 2 [7], output 3 (text/html)", "password", 1),
        ("cell 2 [7], output 3 (text/html)", "github-token", 1),
        ("cell 2 [7], output 4 (application/json)", "password", 1),
    ]
    assert audit.notes[1].startswith(f"in {tmp_path}/[redacted: email] as it was saved 20")
    assert audit.notes[1].endswith(": 8 look like secrets")
    for shown in (repr(audit), audit._repr_html_(), str(audit.table.to_pylist())):
        assert [one for one in (KEY, OTHER, KEY[::-1], "correct-Horse7", "example.org") if one in shown] == []


def test_what_is_found_is_shown_as_text(session: Session, tmp_path: Path) -> None:
    notebook = saved(tmp_path / "a.ipynb", {"source": f"<script>alert('\x1b[2J')</script> {KEY}"})
    audit = session.audit(notebook)
    assert repr(audit).splitlines()[2:] == [
        "cell 1, source: groq-key, 1 x, <script>alert('')</script> [redacted: groq-key]"
    ]
    assert "<script>" not in audit._repr_html_()
    assert "&lt;/script&gt; [redacted: groq-key]" in audit._repr_html_()


def test_the_notebook_is_the_one_that_runs(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert session.audit().notes[1].startswith("the notebook's file is not known here")
    notebook = saved(tmp_path / "running.ipynb", {"source": KEY})
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    assert session.audit()["where"] == ["cell 1, source"]


@pytest.mark.parametrize("content", ["", "[]", '{"cells": 1}', '{"worksheets": []}'])
def test_a_file_that_is_no_notebook_is_said(session: Session, tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    assert session.audit(path).notes[1].startswith("its outputs were not looked at: ")


@pytest.mark.parametrize(
    "cell", [{}, {"source": None, "outputs": None}, {"source": 1, "outputs": [{}, {"data": None}]}]
)
def test_a_notebook_with_gaps_is_looked_through_all_the_same(
    session: Session, tmp_path: Path, cell: dict[str, Any]
) -> None:
    notebook = saved(tmp_path / "a.ipynb", cell, {"source": KEY})
    assert session.audit(notebook)["where"] == ["cell 2, source"]


def test_a_session_that_is_stopped_can_be_looked_through(session: Session) -> None:
    session.stop()
    assert session.audit("nowhere.ipynb")["rule"] == []
