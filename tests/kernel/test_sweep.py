"""`%%compare`: the cell is a prompt's next version, compared with the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel

SWEEP = "%%compare greet -i inputs -c client -m {} -p max_tokens=4 -o found\n"


def test_a_cell_is_the_next_version_and_is_compared_with_the_one_before(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace\ninputs = [{'name': 'Ada'}, {'name': 'Bo'}]")
    name = kernel.run("print(MODEL)").text.strip()
    first = kernel.run(SWEEP.format(name) + "Greet {name}.")
    assert first.error == ""
    second = kernel.run(SWEEP.format(name) + "Greet {name} warmly.\nBe short.")
    assert second.error == ""
    look = "found.to_pandas()[['version', 'input.name', 'finish']].sort_values(['version', 'input.name'])"
    assert kernel.run(f"print({look}.values.tolist())").text == (
        "[['1', 'Ada', 'length'], ['1', 'Bo', 'length'], ['2', 'Ada', 'length'], ['2', 'Bo', 'length']]\n"
    )
    assert kernel.run("nbtrace.prompts['greet'][2].template").result == "'Greet {name} warmly.\\nBe short.'"
    calls = "len(nbtrace.spans(kind='llm'))"
    assert kernel.run(calls).result == "4"
    assert kernel.run(SWEEP.format(name) + "Greet {name} warmly.\nBe short.").error == ""
    assert kernel.run(calls).result == "4"


def test_settings_are_columns_and_a_dry_run_calls_nothing(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace\ninputs = [{'name': 'Ada'}]\nwarmth = [{'seed': 1}, {'seed': 2}]")
    sweep = SWEEP.format(kernel.run("print(MODEL)").text.strip()).replace("-o found", "-s warmth -o found")
    dry = kernel.run(sweep.replace("-o", "-d -o") + "Greet {name}.")
    assert dry.result.startswith("2 calls, 0 of them paid already, 2 to be made; about ")
    assert kernel.run("len(nbtrace.spans(kind='llm'))").result == "0"
    assert kernel.run(sweep + "Greet {name}.").error == ""
    assert kernel.run("found.comparison.labels").result == "('v1 · seed 1', 'v1 · seed 2')"


def test_what_it_cannot_do_is_said_before_any_call(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace\ninputs = [{'city': 'Oslo'}]")
    sweep = SWEEP.format("m")
    assert kernel.run(sweep.replace("-i inputs", "-i nowhere") + "x").text == (
        "UsageError: %%compare: there is no variable 'nowhere'\n"
    )
    assert (
        "expected name=value, such as temperature=0.2" in kernel.run(sweep.replace("max_tokens=4", "much") + "x").text
    )
    assert "in %%compare -m gpt-4o" in kernel.run(sweep.replace("-m m ", "") + "x").text
    refused = kernel.run(sweep + "Greet {name}.").text
    assert refused.startswith("UsageError: ")
    assert "name" in refused
    assert kernel.run("len(nbtrace.spans(kind='llm'))").result == "0"


def test_a_refused_cell_makes_no_version_and_its_error_is_short(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace\ninputs = [{'city': 'Oslo'}]")
    sweep = SWEEP.format(kernel.run("print(MODEL)").text.strip())
    assert "contry" in kernel.run(sweep + "Where is {contry}?").text
    assert kernel.run(sweep + "Where is {city}?").error == ""
    assert kernel.run("len(nbtrace.prompts['greet'])").result == "1"
    kernel.run("nbtrace.prompt('greet', 'Where is {town}?')")
    left_out = kernel.run(sweep + "Where is {city}, please?")
    assert (left_out.error, "v2 is left out: it takes town" in left_out.text) == ("", False)
    told = kernel.run("nbtrace.compare('greet', inputs=inputs, call=client, models=MODEL, max_tokens=4)").text
    assert "compare: greet v2 is left out: it takes town" in told
    shown = kernel.run("def deep():\n    nbtrace.spans(kind='lllm')\ndeep()").traceback.splitlines()
    assert [line.split(", ")[-1] for line in shown[::2]][:2] == ["line 3", "line 2"]
    assert (shown[1], shown[3], len(shown)) == ("----> deep()", "----> nbtrace.spans(kind='lllm')", 5)
    assert shown[4].startswith("UsageError: unknown kind 'lllm'; did you mean 'llm'? expected one of: ")


def test_what_stands_in_quotes_is_taken_without_them(kernel: Kernel) -> None:
    kernel.run("%load_ext nbtrace\nimport nbtrace\ninputs = [{'city': 'Oslo'}]")
    line = SWEEP.format("'m'").replace("greet", '"greet"').replace("-o found", "-d -o found  # only asks")
    assert kernel.run(line + "Where is {city}?").error == ""
    assert kernel.run("list(nbtrace.prompts), found.calls, list(found.unpriced)").result == "(['greet'], 1, ['m'])"
