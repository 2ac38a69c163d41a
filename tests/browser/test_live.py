"""One watches a model answer: the stream grows in the widget while its cell runs, wherever the host sends messages."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.notebook import RUN
from tests.capture.loopback import Loopback, Received, Reply, chunk

if TYPE_CHECKING:
    from tests.browser.fixtures import OpenLab
    from tests.browser.notebook import Desk, Notebook
    from tools.jupyter import Theme

pytestmark = pytest.mark.browser

TOLD = """
A lighthouse keeper on a small island wrote down every ship that passed. One night a ship came that was in none of his
books: it had no lamp, no name, and no sound. He lit the great light, and it turned towards him. In the morning a letter
lay on the step. It said that the ship had looked for a harbour for a hundred years, and that nobody had ever lit a lamp
for it before. Since then he keeps a page free at the end of each book, and each night he leaves the small window open,
in case somebody else is out there, late, without a name, who only wants to be seen and written down.
"""
WORDS = [f"{word} " for word in TOLD.split()]


class Teller:
    """A server whose story goes on only as far as the test lets it."""

    def __init__(self) -> None:
        self.so_far = 0
        self._may = threading.Condition()

    def go_on(self, to: int) -> None:
        """Let the story go on up to a word."""
        with self._may:
            self.so_far = to
            self._may.notify_all()

    def __call__(self, _request: Received) -> Reply:
        return Reply(chunks=_Words(self))

    def wait(self, number: int) -> None:
        """Wait until a word may be told."""
        with self._may:
            self._may.wait_for(lambda: self.so_far > number, timeout=120)


class _Words(list[Any]):
    """Chunks that come as they are told."""

    def __init__(self, teller: Teller) -> None:
        super().__init__()
        self._teller = teller

    def __iter__(self) -> Iterator[Any]:
        for number, word in enumerate(WORDS):
            self._teller.wait(number)
            yield chunk({"content": word})
        yield chunk({}, finish_reason="stop")


def written(folder: Path, url: str, *cells: str) -> None:
    """Write the notebook."""
    begin = (
        "%load_ext nbtrace\nimport nbtrace, openai\n"
        f"client = openai.OpenAI(base_url={url!r}, api_key='none', max_retries=0)\n"
        "ask = dict(model='gpt-4o-mini', messages=[{'role': 'user', 'content': 'Tell a story.'}], stream=True)"
    )
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in (begin, *cells)],
        metadata={"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}},
    )
    nbformat.write(notebook, folder / "live.ipynb")


def start(notebook: Notebook, source: str) -> None:
    """Run a cell and do not wait for it."""
    notebook.cell(source).locator(".jp-InputArea-editor").click()
    notebook.page.keyboard.press("Control+Enter")


def finish(notebook: Notebook, source: str) -> None:
    """Wait until a cell is over: the status bar says that the kernel is idle while it runs."""
    prompt = notebook.cell(source).locator(".jp-InputArea-prompt")
    expect(prompt).to_have_text(re.compile(r"^\[\d+\]:$"), timeout=RUN)


STORY = "for _ in client.chat.completions.create(**ask): pass"
LEFT = "left = client.chat.completions.create(**ask); next(iter(left))"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_stream_is_watched_while_its_cell_runs(open_lab: OpenLab, desk: Desk, tmp_path: Path, theme: Theme) -> None:
    teller = Teller()
    folder = tmp_path / "work"
    folder.mkdir()
    with Loopback(teller) as server:
        written(folder, server.url, "nbtrace.traces()", STORY, LEFT)
        notebook = desk.open(open_lab(folder, theme=theme), "live.ipynb")
        for source in ("%load_ext", "nbtrace.traces()"):
            start(notebook, source)
            finish(notebook, source)
        widget = notebook.output("nbtrace.traces()")
        expect(widget.get_by_role("treegrid", name="Traces")).to_be_visible()

        start(notebook, STORY)
        trace = widget.get_by_role("treegrid", name="Traces").get_by_role("row").filter(has_text="cell [3]")
        expect(trace.locator(".row-title")).to_have_text(STORY)
        expect(trace.locator(".time.running, .time.streaming")).to_be_visible()
        trace.click()
        call = widget.get_by_role("treegrid", name="Spans").get_by_role("row").filter(has_text="chat gpt-4o-mini")
        call.click()
        detail = widget.get_by_role("region", name="Selected span")
        answer = detail.locator(".role-answer pre")
        for told in (8, 40, 90):
            teller.go_on(told)
            expect(answer).to_have_text("".join(WORDS[:told]).strip())
        expect(call.locator(".time")).to_have_text(re.compile("…$"))
        expect(call.locator(".rate")).to_have_text(re.compile(r"^[\d.,]+ tokens/s$"))
        expect(detail.locator(".subtitle")).to_contain_text("streaming")
        expect(call).to_have_class(re.compile("selected"))
        notebook.picture(f"live-{theme}")

        teller.go_on(len(WORDS))
        finish(notebook, STORY)
        expect(call.locator(".time")).to_have_text(re.compile(r"s$"))
        expect(call).to_have_class(re.compile("selected"))
        expect(answer).to_have_text("".join(WORDS).strip())
        stored = notebook.run("print(nbtrace.spans(operation='chat')[-1].output_messages[0]['parts'][0]['content'])")
        assert answer.inner_text().strip() == stored == "".join(WORDS).strip()

        teller.go_on(2)
        start(notebook, LEFT)
        finish(notebook, LEFT)
        widget.get_by_role("button", name="All traces").click()
        time = widget.get_by_role("row").filter(has_text="left = client").locator(".time")
        expect(time).to_have_text("unfinished")
        assert notebook.run("print(nbtrace.spans(operation='chat')[-1].stream_outcome)") == "unfinished"

        # Somebody reads it on, though its cell is over.
        assert notebook.run("import threading; threading.Thread(target=lambda: [*left]).start(); print('on')") == "on"
        teller.go_on(40)
        expect(time).to_have_attribute("title", "streaming")
        expect(time).to_have_text(re.compile("…$"))
        teller.go_on(len(WORDS))
        expect(time).to_have_text(re.compile(r"s$"))
        assert notebook.run("print(nbtrace.spans(operation='chat')[-1].stream_outcome)") == "exhausted"


def test_where_messages_wait_for_the_cell_the_kernel_is_said_to_be_busy(
    open_lab: OpenLab, desk: Desk, tmp_path: Path
) -> None:
    teller = Teller()
    folder = tmp_path / "work"
    folder.mkdir()
    queued = {"@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"}}
    with Loopback(teller) as server:
        written(folder, server.url, "nbtrace.traces()", STORY)
        notebook = desk.open(open_lab(folder, settings=queued), "live.ipynb")
        for source in ("%load_ext", "nbtrace.traces()"):
            start(notebook, source)
            finish(notebook, source)
        widget = notebook.output("nbtrace.traces()")
        rows = widget.get_by_role("treegrid", name="Traces").get_by_role("row")
        expect(rows.filter(has_text="nbtrace.traces()")).to_be_visible()

        start(notebook, STORY)
        expect(widget.get_by_role("status")).to_have_text("Kernel busy. This loads as soon as it answers.")
        expect(rows.filter(has_text="nbtrace.traces()")).to_be_visible()
        expect(widget.get_by_role("alert")).to_have_count(0)
        teller.go_on(len(WORDS))
        trace = rows.filter(has_text="for _ in client")
        expect(trace.locator(".calls")).to_have_text("1")
        expect(widget.get_by_role("status")).to_have_count(0)
        assert notebook.run("print(len(nbtrace.spans(operation='chat')))") == "1"
