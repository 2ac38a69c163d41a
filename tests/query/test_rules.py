"""Rules in a file, held against the figures of recorded calls by the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nbtrace import semconv
from nbtrace._cli import main
from nbtrace._query.changes import Fact
from nbtrace._query.thresholds import Threshold
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
        "cost > 0.9: cost > 0.9: cost_usd is 1.25",
        "spent by a model, model m: holds",
        "spent by a model, model n: cost_usd > 0.6: cost_usd is 0.75",
        "latency_p95_s > 3: holds",
        "score.correct < 50%: score.correct < 50%: score.correct is 0.25",
        "calls > +0: holds",
    ]
    told = json.loads(run(folder, "--baseline", str(folder / "before.parquet"), "--json").output)
    assert (told["broken"], len(told["outcomes"])) == (3, 6)
    assert told["outcomes"][1] == {"rule": "spent by a model", "group": {"model": "m"}, "value": 0.5, "broken": None}


def test_rules_that_hold_are_status_0_and_what_is_not_known_does_not_hold(folder: Path) -> None:
    (folder / "rules.toml").write_text('[[rule]]\nwhen = "error_rate > 2%"\n')
    assert run(folder).exit_code == 0
    (folder / "rules.toml").write_text('[[rule]]\nwhen = "cost > 5"\nmodel = "other"\n')
    ran = run(folder)
    assert (ran.exit_code, ran.output) == (1, "cost > 5: cost > 5: cost_usd is not known\n")
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
