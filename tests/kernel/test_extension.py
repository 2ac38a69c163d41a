"""The extension in a real kernel: what a user types, and what appears."""

from __future__ import annotations

import json
from pathlib import Path

from inline_snapshot import snapshot

from tests.kernel.conftest import Kernel
from tests.kernel.reading import ROWS, line, printed, until


def test_a_call_in_a_cell_brings_one_line_and_other_cells_nothing(kernel: Kernel) -> None:
    assert kernel.run("%load_ext nbtrace").text == ""
    assert kernel.run("x = 1").displays == {}
    text = line(kernel.run("answer = ask('Hi')"))
    assert text.startswith("1 LLM call · smollm2-135m · ")
    assert " tokens · unpriced · " in text
    assert printed(kernel, "type(answer).__name__") == "ChatCompletion"


def test_loading_and_a_first_call_leave_pandas_unimported(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    assert len(kernel.run("ask('Hi')").displays) == 1
    heavy = "[name for name in ('pandas', 'plotly', 'anywidget', 'polars') if name in __import__('sys').modules]"
    assert printed(kernel, heavy) == []


def test_what_happens_in_a_cell_has_its_span_as_parent(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run(ROWS)
    kernel.run("ask('sync')", cell_id="sync")
    kernel.run("await AsyncOpenAI().chat.completions.create(model=MODEL, max_tokens=2, "
               "messages=[{'role': 'user', 'content': 'async'}])", cell_id="await")  # fmt: skip
    kernel.run(
        "import asyncio\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool:\n    _ = list(pool.map(ask, ['a', 'b']))\n"
        "_ = await asyncio.gather(*(asyncio.to_thread(ask, t) for t in 'cd'))",
        cell_id="pool",
    )
    calls = [row for row in printed(kernel, "rows()") if row["name"].startswith("chat")]
    assert [(row["parent"], row["cell_id"], row["execution_count"]) for row in calls] == snapshot(
        [
            ("cell [4]", "sync", 4),
            ("cell [5]", "await", 5),
            ("cell [6]", "pool", 6),
            ("cell [6]", "pool", 6),
            ("cell [6]", "pool", 6),
            ("cell [6]", "pool", 6),
        ]
    )


def test_a_call_knows_its_line_whether_it_is_told_before_or_while_it_waits(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run(
        "async def aask():\n"
        "    messages = [{'role': 'user', 'content': 'Hi'}]\n"
        "    return await aclient.chat.completions.create(model=MODEL, messages=messages, max_tokens=8)\n"
        "aclient = AsyncOpenAI()"
    )
    kernel.run("ask('a')\nask('b')\n\nawait aask()\nawait aask()", cell_id="five")
    kernel.run(
        "import nbtrace\n"
        "from nbtrace._store.attributes import plain\n"
        "def lines():\n"
        "    rows = nbtrace.spans().table.to_pylist()\n"
        "    found = [plain(row['attributes']) for row in rows if row['operation'] == 'chat']\n"
        "    named = ('code.function.name', 'code.line.number', 'nbtrace.cell.line')\n"
        "    return [[one[name] for name in named] for one in found]"
    )
    assert printed(kernel, "lines()") == [["ask", 7, 1], ["ask", 7, 2], ["aask", 3, 4], ["aask", 3, 5]]


def test_a_cell_run_again_is_its_next_run(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run(ROWS)
    for _ in range(3):
        kernel.run("y = 1", cell_id="again")
    runs = [row["cell_run"] for row in printed(kernel, "rows()") if row["cell_id"] == "again"]
    assert runs == [1, 2, 3]


def test_a_running_cell_is_known_by_its_source(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    source = (
        "import json, nbtrace\n"
        "cell = nbtrace.spans(name='cell *')[-1]\n"
        "print(json.dumps([cell.duration_ns, cell.attributes['nbtrace.cell.source']]))"
    )
    assert json.loads(kernel.run(source).text) == [None, source]


def test_a_call_that_outlives_its_cell_belongs_to_it_and_its_line_follows(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run(ROWS)
    started = kernel.run("import threading\nthread = threading.Thread(target=ask, args=['late'])\nthread.start()",
                         cell_id="starter")  # fmt: skip
    running = next(iter(started.displays.items()), None)
    if running is None:  # the thread had not begun its call when the cell ended: the line comes by itself
        shown = until(kernel, lambda outputs: bool(outputs.displays)).displays
        running = next(iter(shown.items()))
    display_id, bundle = running
    if "running" in bundle["text/plain"]:
        updated = until(kernel, lambda outputs: display_id in outputs.displays).displays[display_id]
        assert "running" not in updated["text/plain"]
    kernel.run("thread.join()")
    call = next(row for row in printed(kernel, "rows()") if row["name"].startswith("chat"))
    assert (call["cell_id"], call["parent"]) == ("starter", "cell [4]")


def test_a_cell_that_ran_twice_has_been_paid_twice_and_counts_once(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace")
    asked = "_ = ask('Hi')\nprint(len(nbtrace.spans(cell='current', kind='llm')))"
    assert kernel.run(asked, cell_id="a").text == "1\n"
    assert "latest" not in kernel.run("%nbtrace status", cell_id="b").text
    assert [kernel.run(asked, cell_id="a").text for _ in range(2)] == ["1\n", "1\n"]
    status = kernel.run("%nbtrace status", cell_id="b").text
    paid, latest = status.splitlines()[:2]
    assert paid.startswith("nbtrace is recording: 3 LLM calls · ")
    assert latest.startswith("of these, the latest run of each cell: 1 LLM call · ")
    calls = "[nbtrace.metrics(spans)['calls'] for spans in (None, nbtrace.spans(run='latest'))]"
    assert printed(kernel, calls) == [[3], [1]]


def test_a_cell_in_sql_gives_rows_or_a_variable(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nleast = 0")
    kernel.run("ask('Hi')", cell_id="a")
    counted = "SELECT count(*) AS n FROM spans WHERE operation = 'chat' AND input_tokens > $least"
    assert kernel.run(f"%%nbsql -u least\n{counted}").result.splitlines()[:2] == ["n", "1"]
    assert kernel.run("%nbsql SELECT 'a -o b' AS t").result.splitlines()[:2] == ["t", "a -o b"]
    assert kernel.run(f"%%nbsql -u least -o kept\n{counted}").result == ""
    assert printed(kernel, "kept['n']") == [1]
    assert "UsageError: %%nbsql --use nowhere: there is no variable" in kernel.run("%%nbsql -u nowhere\nSELECT 1").text
    assert "UsageError: DuckDB cannot run this query" in kernel.run("%nbsql SELEC").text


def test_a_late_call_while_the_line_is_drawn_brings_no_second_line(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run(
        "import threading, time\nfrom nbtrace._query import totals\nsummarize = totals.summarize\n"
        "def slowly(table):\n    time.sleep(0.5)\n    return summarize(table)\ntotals.summarize = slowly"
    )
    several = (
        "thread = threading.Thread(target=lambda: [ask(text) for text in 'abcdef'])\nthread.start()\n_ = ask('Hi')"
    )
    seen = [kernel.run(several), kernel.run("thread.join()"), kernel.run("")]
    last = until(kernel, lambda outputs: "7 LLM calls" in str(outputs.displays) and "running" not in str(outputs))
    shown = {display_id for outputs in [*seen, last] for display_id in outputs.displays}
    assert (len(shown), [outputs.text for outputs in seen]) == (1, ["", "", ""])


def test_a_cell_in_a_cell_has_no_line_for_calls_of_the_outer_one(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    outputs = kernel.run("_ = ask('Hi')\n_ = get_ipython().run_cell('z = 1', store_history=True)")
    assert line(outputs).startswith("1 LLM call ")


def test_a_failing_call_is_the_users_error_and_counted_once(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    outputs = kernel.run("ask('word ' * 9000)")
    assert outputs.error.startswith("BadRequestError: Error code: 400")
    assert line(outputs).endswith("1 error")


def test_an_interrupted_cell_ends_as_interrupted(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run("import time\nprint('go', flush=True)\ntime.sleep(60)", cell_id="slow", interrupt_after="go")
    waiting = (
        "import asyncio\nasync def slow():\n    print('go', flush=True)\n    await asyncio.sleep(60)\nawait slow()"
    )
    kernel.run(waiting, cell_id="slow async", interrupt_after="go")
    outcomes = (
        "[[dict((a['key'], a['string']) for a in row['attributes'])['nbtrace.cell.outcome'], row['cell_id']] "
        "for row in __import__('nbtrace').spans().table.to_pylist() "
        "if row['duration_ns'] is not None and row['cell_id'].startswith('slow')]"
    )
    assert printed(kernel, outcomes) == [["interrupted", "slow"], ["interrupted", "slow async"]]


def test_auto_display_can_be_turned_off_and_to_a_widget(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run('%config NBTrace.auto_display = "off"')
    assert kernel.run("ask('Hi')").displays == {}
    kernel.run('%config NBTrace.auto_display = "widget"')
    (bundle,) = kernel.run("ask('Hi')").displays.values()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "chat smollm2-135m" in bundle["text/plain"]
    assert "expected any of ['off', 'summary', 'widget']" in kernel.run('%config NBTrace.auto_display = "loud"').text


def test_the_magics_say_what_they_do(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    assert "not recorded" not in kernel.run("%nbtrace off").text
    assert kernel.run("ask('unseen')").displays == {}
    assert "nbtrace is paused" in kernel.run("%nbtrace").text
    kernel.run("%nbtrace on")
    assert len(kernel.run("ask('seen')").displays) == 1
    status = kernel.run("%nbtrace status").text
    assert status.startswith("nbtrace is recording: 1 LLM call · smollm2-135m · ")
    assert "nothing is sent unless you export" in status
    assert "%nbtrace last" in kernel.run("%nbtrace help").text
    (drawn,) = kernel.run("%nbtrace last").displays.values()
    assert "chat smollm2-135m" in drawn["text/plain"]
    assert kernel.run("%nbtrace explain").result.startswith("chat smollm2-135m · llm · ")
    assert kernel.run("%nbtrace explain zz").text.startswith("UsageError: no span begins with 'zz'")


def test_what_happens_while_paused_or_stopped_is_recorded_nowhere(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run("import nbtrace")
    kernel.run("%nbtrace off", cell_id="off")
    kernel.run("paused = ask('unseen')", cell_id="paused")
    kernel.run("%nbtrace on", cell_id="on")
    kernel.run("nbtrace.session().stop()", cell_id="stop")
    kernel.run("stopped = ask('unseen')", cell_id="stopped")
    assert kernel.run("%nbtrace status").text.startswith("nbtrace is stopped: 0 LLM calls, ")
    kernel.run("%nbtrace on", cell_id="start")
    assert len(kernel.run("ask('seen')", cell_id="seen").displays) == 1
    ids = "nbtrace.spans().table['cell_id'].to_pylist()"
    assert printed(kernel, f"[one for one in {ids} if one not in ('cell', 'probe')]") == ["off", "stop", "seen", "seen"]


def test_a_session_that_starts_again_has_each_span_of_the_users_provider_once(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run(
        "import nbtrace\nfrom opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())"
    )
    kernel.run("nbtrace.session().stop()")
    kernel.run("nbtrace.session()")
    assert "your tracer provider" in kernel.run("%nbtrace status").text
    kernel.run("with trace.get_tracer('mine').start_as_current_span('once'): _ = ask('Hi')", cell_id="last")
    names = "[row['name'] for row in nbtrace.spans().table.to_pylist()][-4:]"
    assert printed(kernel, names) == ["chat smollm2-135m", "once", "cell [7]", "cell [8]"]


def test_nonsense_is_refused_in_one_sentence(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    assert kernel.run("%nbtrace nonsense").text == snapshot(
        "UsageError: %nbtrace has no action 'nonsense'; expected one of: "
        "on, off, status, last, explain, budget, watch, instrument, replay, audit, sessions, resume, help\n"
    )
    assert kernel.run("%nbtrace off now").text == "UsageError: %nbtrace off takes nothing after it, got 'now'\n"
    assert "openinference-instrumentation-openai " in kernel.run("%nbtrace instrument").text
    assert kernel.run("%nbtrace instrument nonsense").text.startswith("UsageError: unknown instrumentor 'nonsense'")
    assert kernel.run("%nbtrace last").text == snapshot(
        "UsageError: no LLM call was recorded yet; make one, then ask for its trace\n"
    )
    kernel.run("import nbtrace")
    assert kernel.run("nbtrace.export('session.xls')").error == snapshot(
        "ExportError: cannot export to 'session.xls': expected a path ending in .parquet, .jsonl, .html or .csv, "
        "an OTLP endpoint such as 'http://127.0.0.1:4318' or 'grpc://127.0.0.1:4317', or one of: arize, datadog, "
        "grafana, honeycomb, jaeger, "
        "langfuse, langsmith, logfire, mlflow, otlp, phoenix, weave"
    )
    assert "nothing listens on 127.0.0.1:9" in kernel.run("nbtrace.export('http://127.0.0.1:9')").error
    assert printed(kernel, "len(nbtrace.spans()) > 0")


def test_the_users_provider_is_followed_and_never_replaced(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run(
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "exporter = InMemorySpanExporter()\nprovider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(exporter))\ntrace.set_tracer_provider(provider)"
    )
    kernel.run("with trace.get_tracer('mine').start_as_current_span('my step'):\n    _ = ask('a secret thing')")
    assert printed(kernel, "trace.get_tracer_provider() is provider")
    names = printed(kernel, "[span.name for span in exporter.get_finished_spans()]")
    assert names[:3] == ["chat smollm2-135m", "my step", "cell [4]"]
    assert "a secret thing" not in printed(
        kernel, "[str(dict(span.attributes)) for span in exporter.get_finished_spans()]"
    )
    kernel.run(ROWS)
    kernel.run("tree = {row['name']: row['parent'] for row in rows()}")
    assert printed(kernel, "tree")["chat smollm2-135m"] == "my step"
    assert "your tracer provider" in kernel.run("%nbtrace status").text


def test_a_setting_of_zero_counts_though_nobody_has_looked_at_it_before(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nsession = __import__('nbtrace').session()")
    kernel.run("%config NBTrace.max_blob_bytes = 0\n%config NBTrace.sample = 0")
    assert kernel.run("session.policy.max_blob_bytes, session.gate.rate").result == "(0, 0.0)"
    assert "max_content_bytes takes a number of bytes from 1,024; it got 0" in (
        kernel.run("%config NBTrace.max_content_bytes = 0").text
    )


def test_the_audit_looks_at_what_is_kept_and_at_the_notebook(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("%load_ext nbtrace")
    kernel.run("answer = ask('write to ada@example.org')", cell_id="a")
    missing = kernel.run("%nbtrace audit").text
    assert "\nits outputs were not looked at: the notebook /notebooks/research.ipynb cannot be read: " in missing
    assert "input_messages: email, 1 x, " in missing
    saved = {"nbformat": 4, "metadata": {}, "cells": [{"source": "'Bearer 0123456789abcdef'", "outputs": []}]}
    (tmp_path / "saved.ipynb").write_text(json.dumps(saved))
    assert kernel.run("%nbtrace audit saved.ipynb").text.splitlines()[-1] == (
        "cell 1, source: bearer-token, 1 x, 'Bearer [redacted: bearer-token]'"
    )


def test_a_budget_stops_the_next_call_and_says_what_is_left(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace")
    assert "no budget is set" in kernel.run("%nbtrace budget").text
    assert kernel.run("%nbtrace budget 1 tokens cell").text == "budget for this cell: 0 tokens of 1 token\n"
    outputs = kernel.run("ask('one')\nask('two')", cell_id="spender")
    assert outputs.error.startswith("BudgetError: this call was not sent: the budget of 1 token for the cell is spent")
    assert " · budget of the cell " in line(outputs)
    assert " tokens of 1 token" in line(outputs)
    assert kernel.run("ask('another cell')", cell_id="other").error == ""
    status = kernel.run("%nbtrace status").text
    assert "budget for this cell: 0 tokens of 1 token\n1 call was not sent because a budget was spent\n" in status
    kernel.run("import nbtrace")
    guarded = "with nbtrace.guarding(nbtrace.guard(lambda text: True)):\n    %nbtrace off"
    assert "no budget holds meanwhile\nno guard looks at calls meanwhile\n" in kernel.run(guarded).text
    kernel.run("%nbtrace on")
    assert kernel.run("%nbtrace budget off cell").text.startswith("no budget is set")
    refused = kernel.run("%nbtrace budget much").text
    assert refused.startswith("UsageError: cannot use budget='much'; expected US dollars such as 2.00")


def test_a_saved_session_answers_its_calls(kernel: Kernel, tmp_path: Path) -> None:
    path = tmp_path / "session.parquet"
    kernel.run("%load_ext nbtrace")
    kernel.run(f"import nbtrace\nprint(ask('one'))\nnbtrace.export({str(path)!r})", cell_id="ask")
    assert "no replay is on" in kernel.run("%nbtrace replay").text
    said = kernel.run(f"%nbtrace replay {path}").text
    assert said.startswith("<nbtrace replay, on: session.parquet has 1 call to answer from; ")
    again = kernel.run("ask('one')", cell_id="again")
    assert again.error == ""
    assert "1 replayed" in line(again)
    missed = kernel.run("ask('two')", cell_id="miss").error
    assert missed.startswith("ReplayMiss: no recording answers this call (chat smollm2-135m); session.parquet has 1.")
    assert "[-one-]{+two+}" in missed
    assert "over: session.parquet" in kernel.run("%nbtrace replay off").text
    assert "1 replayed" not in line(kernel.run("ask('two')", cell_id="made"))
    refused = kernel.run("%nbtrace replay nowhere.parquet --mode often").text
    assert refused.startswith("UsageError: unknown mode of a replay 'often'")
