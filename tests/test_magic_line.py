"""The words of a magic are those that were meant, whatever quotes and comments are around them."""

from __future__ import annotations

import pytest
from IPython.core.magic_arguments import MagicArgumentParser

from nbtrace._magic_line import read


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('replay "my calls.parquet"  # don\'t ask a model', ["replay", "my calls.parquet"]),
        ("instrument  # lists them", ["instrument"]),
        ("# nothing", []),
        ("replay calls#2.parquet", ["replay", "calls#2.parquet"]),
        ("replay 'calls #2.parquet' # \"that one\"", ["replay", "calls #2.parquet"]),
        ("watch 'tags < \"#a\"'", ["watch", 'tags < "#a"']),
        ('audit ""', ["audit", ""]),
    ],
)
def test_quotes_and_comments_are_not_part_of_what_is_said(line: str, words: list[str]) -> None:
    parser = MagicArgumentParser()
    parser.add_argument("words", nargs="*")
    assert read(parser.parse_argstring, line).words == words
