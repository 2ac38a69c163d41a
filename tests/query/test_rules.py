"""Rules in a file, held against the figures of recorded calls by the command."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nbtrace import Session, semconv
from nbtrace._cli import main
from nbtrace._query.changes import Fact
from nbtrace._query.rules import Rule, read
from nbtrace._query.thresholds import Threshold
from tests.query.tables import MS, START, chat, table
from tests.widgets.test_diff import call, recording

RULES = """
[[rule]]
when = "cost > 0.9"
[[rule]]
name = "spent by a model"
when = "cost_usd > 0.6"
by = "model"
[[rule]]
when = "latency_p95_s > 3"
model = "m*"
[[rule]]
when = "score.correct < 50%"
[[rule]]
when = "calls > +0"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    other = {semconv.REQUEST_MODEL: "n", semconv.USAGE_COST: 0.75}
    recording(call("a", "b"), call("a", "b", **other), scores={0: 0.0, 1: 0.5}).export(tmp_path / "now.parquet")
    recording(call("a", "b"), call("a", "b")).export(tmp_path / "before.parquet")
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path


def run(folder: Path, *more: str) -> Result:
    asked = ("check", "--dataset", str(folder / "now.parquet"), "--rules", str(folder / "rules.toml"))
    return CliRunner().invoke(main, [*asked, *more])


def test_each_rule_says_how_it_came_out(folder: Path) -> None:
    ran = run(folder, "--baseline", str(folder / "before.parquet"))
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        "cost > 0.9: cost_usd is 1.25",
        "spent by a model, model m: holds",
        "spent by a model, model n: cost_usd > 0.6: cost_usd is 0.75",
        "latency_p95_s > 3: holds",
        "score.correct < 50% (2 calls, 2 judged): score.correct is 0.25",
        "calls > +0: holds",
    ]
    told = json.loads(run(folder, "--baseline", str(folder / "before.parquet"), "--json").output)
    assert (told["broken"], len(told["outcomes"])) == (3, 6)
    assert told["outcomes"][1] == {
        "rule": "spent by a model", "group": {"model": "m"}, "window": "all calls", "calls": 1, "value": 0.5,
        "before": 1.0, "is_known": True, "broken": None, "judged": None, "unpriced": 0,
    }  # fmt: skip


def test_rules_that_hold_are_status_0_and_what_is_not_known_does_not_hold(folder: Path) -> None:
    (folder / "rules.toml").write_text('[[rule]]\nwhen = "error_rate > 2%"\n')
    assert run(folder).exit_code == 0
    (folder / "rules.toml").write_text('[[rule]]\nwhen = "cost > 5"\nmodel = "other"\n')
    ran = run(folder)
    assert (ran.exit_code, ran.output) == (1, "cost > 5: cost_usd is not known\n")
    (folder / "rules.toml").write_text('[[rule]]\nwhen = "error_rate > 2%"\nby = "model"\nmodel = "nobody"\n')
    ran = run(folder)
    assert (ran.exit_code, ran.output.count("there is no call to know it of")) == (1, 1)


@pytest.mark.parametrize(
    ("said", "before", "after", "unpriced", "is_broken"),
    [
        ("cost > 5", None, float("nan"), 0, True),
        ("cost > 5", None, 1.0, 0, False),
        ("cost > 5", None, 1.0, 3, True),
        ("cost < 5", None, 6.0, 3, False),
        ("cost > +10%", -0.5, -0.8, 0, False),
        ("cost < -10%", -0.5, -0.8, 0, True),
        ("cost < -10%", 0.0, -1.0, 0, True),
    ],
)
def test_a_threshold_is_broken_by_what_it_must_not_be(
    said: str, before: float | None, after: float, unpriced: int, is_broken: bool
) -> None:
    threshold = Threshold.of(said, figures=["cost_usd"], counts=())
    facts = {"cost_usd": Fact("cost_usd", before, after), "unpriced": Fact("unpriced", 0, unpriced)}
    assert (threshold.broken(facts) is not None) is is_broken


@pytest.mark.parametrize(
    "rules",
    [
        "[[rule",
        "when = 1",
        "[[rule]]\nwhen = 1",
        '[[rule]]\nwhen = "odd > 1"',
        '[[rule]]\nwhen = "cost > 1"\nodd = 1',
        '[[rule]]\nwhen = "cost > 1"\nwindow = "soon"',
        '[[rule]]\nwhen = "cost > 1"\nwindow = "5 calls"\nlast = 5',
        '[[rule]]\nwhen = "cost > +1"\nbaseline = "previous"',
        '[[rule]]\nwhen = "cost > +1"\nbaseline = "nowhere.parquet"',
        '[[rule]]\nwhen = "cost > 1"\nbaseline = 5',
        '[[rule]]\nwhen = "cost > 5s"',
        '[[rule]]\nwhen = "cost > +1"',
        '[[rule]]\nwhen = "cost > 1"\nby = "odd"',
        '[[rule]]\nwhen = "cost > 1"\nlast = "x"',
        '[[rule]]\nwhen = "cost > 1"\nby = 5',
        '[[rule]]\nwhen = "odd > 1"\nby = "model"\nmodel = "nobody"',
        "rule = []",
    ],
)
def test_a_rule_that_is_none_is_status_2(folder: Path, rules: str) -> None:
    (folder / "rules.toml").write_text(rules)
    ran = run(folder)
    assert (ran.exit_code, ran.stdout, ran.stderr[:9]) == (2, "", "nbtrace: ")


def test_a_rule_is_of_a_window_against_the_one_before_or_a_baseline_of_its_own(folder: Path) -> None:
    now = time.time_ns()
    hour = 3600 * 10**9
    session = Session()
    for ago in (40, 30, 20, 2, 1):
        begin, is_new = (now - ago * hour - START) / MS, ago < 24
        session.store.adopt(
            table(chat(ago, trace=ago, start=begin, ms=2000 if is_new else 1000, status_code=2 * (ago == 1)))
        )
    session.export(folder / "now.parquet")
    (folder / "rules.toml").write_text(
        "".join(
            f'[[rule]]\nname = "{name}"\nwhen = "{when}"\n{more}\n'
            for name, when, more in [
                ("errors", "error_rate > 30%", 'window = "last 24h"'),
                ("all errors", "error_rate > 30%", 'window = "all"'),
                ("slower", "latency_p50 > +50%", 'window = "24h"\nbaseline = "previous"'),
                ("slower by call", "latency_p50 > +50%", 'window = "2 calls"\nbaseline = "previous"'),
                ("dearer", "cost_per_call_usd > +50%", f"window = '24h'\nbaseline = '{folder / 'before.parquet'}'"),
                ("nobody", "calls < 1", 'window = "24h"\nuser = "nobody"'),
            ]
        )
    )
    told = json.loads(run(folder, "--json").stdout)
    rows = [
        [one["rule"], one["window"], one["calls"], one["value"], one["broken"] is not None] for one in told["outcomes"]
    ]
    assert rows == [
        ["errors", "the last 24h", 3, 1 / 3, True],
        ["all errors", "all calls", 5, 0.2, False],
        ["slower", "the last 24h", 3, 2.0, True],
        ["slower by call", "the last 2 calls", 2, 2.0, False],
        ["dearer", "the last 24h", 3, 0.5, False],
        ["nobody", "the last 24h", 0, 0, True],
    ]
    assert [one["before"] for one in told["outcomes"]][2:5] == [1.0, 1.5, 0.5]
    ran = run(folder)
    assert (ran.exit_code, ran.output.splitlines()[0]) == (
        1, "errors (3 calls, the last 24h): error_rate > 30%: error_rate is 33.33%",
    )  # fmt: skip


def test_a_dataset_is_checked_by_the_files_of_its_window(folder: Path) -> None:
    days = [chat(at, trace=at, start=at * 86_400_000, response_model=f"m-{at}") for at in range(1, 4)]
    session = Session()
    session.store.adopt(table(*days))
    session.export(f"{folder}/traces/")
    until = datetime.fromtimestamp(START / 1e9, UTC) + timedelta(days=2.5)
    (folder / "rules.toml").write_text(
        f'[[rule]]\nwhen = "calls < 1"\nby = "model"\nuntil = "{until.isoformat()}"\n'
        '[[rule]]\nwhen = "check.correct < 50%"\nwindow = "1h"\n'
    )
    asked = ("check", "--dataset", f"{folder}/traces/", "--rules", str(folder / "rules.toml"), "--json")
    told = json.loads(CliRunner().invoke(main, asked).stdout)["outcomes"]
    assert [one["group"] for one in told] == [{"model": "m-1"}, {"model": "m-2"}, {}]
    assert (told[2]["value"], told[2]["is_known"], told[2]["broken"]) == (
        None, False, "check.correct < 50%: check.correct is not known",
    )  # fmt: skip


def test_the_rules_of_the_document_are_rules(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/watching.md").read_text("utf-8")
    (written,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "rules.toml").write_text(written)
    rules = read(tmp_path / "rules.toml")
    examples = re.findall(r"^    (\S+ [<>] \S+)  +\S", text, re.MULTILINE)
    assert (len(rules), len(examples)) == (4, 7)
    figures = {Rule.of({"when": one}).threshold.figure for one in (*examples, *(rule.when for rule in rules))}
    assert {"first_chunk_p95_s", "latency_p95_s", "check.correct", "calls"} < figures
    for name in re.findall(r"`(\w+)`", text.partition("| figure |")[2].partition("All other figures")[0]):
        assert Rule.of({"when": f"{name} > 1"}).threshold.number == 1
