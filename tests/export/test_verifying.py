"""What was sent is read back, and what is missing or otherwise there is said: answers as the vendors document them."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from operator import itemgetter
from urllib.parse import parse_qs, urlsplit

import pytest

from nbtrace import Session
from nbtrace._export import post, verifying
from nbtrace._export import there as reading
from nbtrace._export.backends import langsmith
from nbtrace._export.backends.backend import Variables
from nbtrace._export.backends.grafana import read_at
from nbtrace._export.backends.otlp import queried_at
from nbtrace._export.batch import rows
from nbtrace._export.destination import receiver
from nbtrace._export.endpoint import Endpoint
from tests.export import documented, rich
from tests.export.documented import PLACE, READ_KEY, TIMES, TOLD, hexed, packed, place_of, sent
from tests.export.golden import CANARY, VARIABLES
from tests.export.loopback import Reply, Scripted

Server = Callable[..., Scripted]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once."""
    monkeypatch.setattr(post, "sleep", lambda _: None)


@pytest.fixture
def recorded() -> Session:
    """A session that has the rich one's spans and records no more."""
    recorded = Session()
    recorded.store.adopt(rich.session())
    return recorded


def written(answer: object) -> bytes:
    return json.dumps(answer).encode()


@pytest.fixture
def there(scripted: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Scripted]:
    """Start a backend that has its users' variables set."""

    def start(name: str, *, has_read_key: bool = True) -> Scripted:
        told = TOLD[name]
        variables = {} if name == "grafana" else VARIABLES[name]  # whose cloud has its own address
        for variable, value in (variables | (dict(told.variables) if has_read_key else {})).items():
            monkeypatch.setenv(variable, value)
        server = scripted()
        server.reads_by = told.path
        return server

    return start


@pytest.mark.parametrize("name", TOLD)
def test_what_was_sent_is_read_back(
    name: str, there: Callable[[str], Scripted], recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, told, spans = there(name), TOLD[name], sent()
    nothing = written(told.answer([])) if told.is_post else None
    late = [{**span, "parent": spans[7]["id"]} if span["parent"] else span for span in spans]
    server.found = iter([nothing, written(told.answer(spans[:2])), written(told.answer(late[:3])),
                         (429, {}, b""), written(told.answer(spans))])  # fmt: skip
    report = recorded.export(name, endpoint=server.url, verify=True)
    assert (report.left_out, report.notes[-1]) == ((), f"All 9 spans were read back{told.alike}")
    assert len(server.asked) == 5
    monkeypatch.setattr(verifying, "PATIENCE", float("-inf"))
    other = [{**span, "parent": spans[0]["id"]} if number == 2 else span for number, span in enumerate(spans)]
    server.found = iter([written(told.answer([*other[:6], other[7]]))])
    report = recorded.export(name, endpoint=f"{server.url}/v1/traces?key=1", verify=True, again="all")
    assert {one.path.partition("&filter%5Bfrom%5D")[0] for one in server.asked} == {told.path}
    assert report.left_out == (f"2 spans not there when read back: {7:016x}, {9:016x}",)
    other_parent = f"{3:016x} has another parent ({1:016x} instead of {2:016x})"
    assert report.notes[-1] == f"1 span differs when read back: {other_parent}"


def test_what_is_otherwise_is_said_in_words(there: Callable[[str], Scripted], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "PATIENCE", 0)
    server, spans = there("jaeger"), sent()
    whole = Session()
    whole.store.adopt(rich.session())
    spans[0] |= {"parent": spans[8]["id"], "name": "a\n\u202e<b>"}
    spans[1] |= {"start": spans[1]["start"] + 1_500_000, "end": spans[1]["end"] - 2 * 10**9, "parent": None}
    spans[2] |= {"start": spans[2]["start"] + 1000}  # what its stores may lose of it
    for span in spans[3:]:
        span["name"] = "other"
    server.found = iter([written(documented.jaeger(spans))])
    (note,) = whole.export("jaeger", endpoint=server.url, verify=True).notes
    first, second, *_ = note.split(f", {4:016x}")[0].split(f", {2:016x} ")
    assert first == (
        f"8 spans differ when read back: {1:016x} is named 'a \N{REPLACEMENT CHARACTER}<b>' instead of 'cell [3]' "
        f"and has another parent ({9:016x} instead of none)"
    )
    assert second == f"has another parent (none instead of {1:016x}), begins 0.0015 s later and ends 2 s earlier"
    assert note.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("langfuse", {"observations": [{"id": hexed(span["id"])} for span in sent()]}),
        ("mlflow", {"spans": [{"span_id": packed(span["id"])} for span in sent()]}),
    ],
)
def test_what_is_not_told_is_not_compared(
    name: str, answer: object, there: Callable[[str], Scripted], recorded: Session
) -> None:
    server = there(name)
    server.found = iter([written(answer)])
    assert recorded.export(name, endpoint=server.url, verify=True).notes == ("All 9 spans were read back",)
    again = recorded.export(name, endpoint=server.url, verify=True)
    assert again.notes == ("There was nothing to send, so the endpoint was not asked",)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("datadog", {"data": [{"attributes": {"span_id": "9" * 30}}]}),
        ("jaeger", {"result": []}),
        ("jaeger", None),
        ("mlflow", []),
        ("phoenix", {"data": [], "next_cursor": "the same"}),
        ("weave", {"spans": [{"span_id": 7}]}),
    ],
)
def test_an_answer_of_another_form_is_said(
    name: str, answer: object, there: Callable[[str], Scripted], recorded: Session
) -> None:
    server = there(name)
    server.found = itertools.repeat(written(answer), 2)
    report = recorded.export(name, endpoint=server.url, verify=True)
    assert report.notes[-1] == ("Nothing could be read back: the answer is not what the API is documented to give")


def test_an_answer_without_an_end_is_not_read(
    there: Callable[[str], Scripted], recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = there("datadog")
    monkeypatch.setattr(reading, "PAGES", 3)
    server.found = (written(documented.datadog([], str(number))) for number in range(9))
    report = recorded.export("datadog", endpoint=server.url, verify=True)
    assert report.notes[-1].startswith("Nothing could be read back: the answer is not what")
    assert len(server.asked) == 3
    monkeypatch.setattr(post, "READ_MEBIBYTES", 0)
    server.found = iter([written(documented.datadog(sent()))])
    report = recorded.export("datadog", endpoint=server.url, verify=True, again="all")
    assert report.notes[-1] == "Nothing could be read back: the answer is longer than 0 MiB"


def test_others_send_there_while_it_is_read_back(there: Callable[[str], Scripted], recorded: Session) -> None:
    server, waiting = there("jaeger"), list[bool]()

    def found() -> Iterator[bytes]:
        other = threading.Thread(target=recorded.export, args=("jaeger",), kwargs={"endpoint": server.url})
        other.start()
        other.join(5)
        waiting.append(other.is_alive())
        yield written(documented.jaeger(sent()))

    server.found = found()
    assert recorded.export("jaeger", endpoint=server.url, verify=True).notes == (f"All 9 spans were read back{PLACE}",)
    assert waiting == [False]


def test_what_could_not_be_asked_is_not_said_to_be_missing(
    there: Callable[[str], Scripted], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "PATIENCE", float("-inf"))
    for name in "abc":
        with session.span(name):
            pass
    server, spans = there("grafana"), sorted(map(place_of, rows(session.store.snapshot())), key=itemgetter("trace"))
    first, second, third = ([span] for span in spans)
    cut = {**documented.grafana(second), "trace": {}, "status": "PARTIAL", "message": "too large"}
    server.found = iter([written(documented.grafana(first)), written(cut), written(documented.grafana(third))])
    report = session.export("grafana", endpoint=server.url, verify=True)
    assert (report.left_out, report.notes) == ((), (
        "1 span could not be read back: it told a part of the trace only", f"The other 2 spans were read back{PLACE}",
    ))  # fmt: skip
    server.found = iter([written(documented.grafana(first)), (429, {}, b"")])
    report = session.export("grafana", endpoint=server.url, verify=True, again="all")
    assert report.notes[0].startswith("2 spans could not be read back: HTTP 429")
    assert report.notes[1:] == ("The other span was read back; its name, parent, start and end are as sent",)
    assert len(server.asked) == 3 + 2
    report = session.export("grafana", endpoint=server.url, verify=True, again="all")
    assert report.left_out[0].startswith("3 spans not there when read back")
    assert report.notes == (f"None was found at {server.url}, which may not be where they went",)


@pytest.mark.parametrize("name", [name for name, told in TOLD.items() if told.variables])
def test_who_reads_by_another_key_is_told_which_and_no_report_has_it(
    name: str, there: Callable[..., Scripted], recorded: Session
) -> None:
    (variable,) = TOLD[name].variables
    report = recorded.export(name, endpoint=there(name, has_read_key=False).url, verify=True)
    (note,) = report.notes[-1:]
    assert note.startswith(f"Nothing could be read back: set {variable} to a")
    server = there(name)
    body = written({"message": f"no {READ_KEY} and no {CANARY}"})
    refused: Reply = (403, {"content-type": "application/json", "content-length": str(len(body))}, body)
    server.found = iter([refused])
    report = recorded.export(name, endpoint=server.url, verify=True, again="all")
    (asked,) = server.asked
    assert READ_KEY in " ".join(asked.headers.values())
    assert report.notes[-1].startswith("Nothing could be read back: HTTP 403 Forbidden: no *** and no ")
    assert READ_KEY not in repr(report)


def test_what_is_answered_in_parts_is_read_whole(
    there: Callable[[str], Scripted], recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = sent()
    server = there("datadog")
    server.found = iter([written(documented.datadog(spans[:5], "next & last")), written(documented.datadog(spans[5:]))])
    assert recorded.export("datadog", endpoint=server.url, verify=True).notes[-1].startswith("All 9 spans")
    first, last = (parse_qs(urlsplit(one.path).query) for one in server.asked)
    times = [int(*first[f"filter[{name}]"]) for name in ("from", "to")]
    assert times == [
        min(span["start"] for span in spans) // 10**6 - 1000,
        max(span["end"] for span in spans) // 10**6 + 1000,
    ]
    assert last == first | {"page[cursor]": ["next & last"]}
    monkeypatch.setattr(langsmith, "RUNS", 4)
    server = there("langsmith")
    server.found = iter([written(documented.langsmith(spans[at : at + 4])) for at in (0, 4, 8)])
    report = recorded.export("langsmith", endpoint=server.url, verify=True)
    assert report.notes == (f"All 9 spans were read back{TIMES}",)
    assert [len(json.loads(one.body)["id"]) for one in server.asked] == [4, 4, 1]


def test_a_query_api_is_beside_the_port_of_otlp(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "http://localhost:4318": "http://localhost:16686",
        "https://me:secret@jaeger.example.org:4318/v1/traces": "https://jaeger.example.org:16686",
        "grpc://[::1]:4317": "http://[::1]:16686",
        "grpcs://jaeger.example.org": "https://jaeger.example.org:443",
        "https://example.org/jaeger": "https://example.org:443/jaeger",
    }
    assert {to: queried_at(Endpoint.read(to), 16686) for to in places} == places
    for variable, value in VARIABLES["grafana"].items():
        monkeypatch.setenv(variable, value)
    cloud = receiver("grafana", headers=None, timeout=None, endpoint=None)
    assert cloud is not None
    assert read_at(Variables("grafana"), cloud) is None


def test_what_cannot_be_read_back_is_said(scripted: Server, recorded: Session) -> None:
    report = recorded.export(scripted().url, verify=True)
    assert report.notes == ("Nothing was read back: there is no way to here",)
