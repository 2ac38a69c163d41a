"""Every test begins without rendered prompts to remember."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbtrace._prompts.text import PromptText


@pytest.fixture(autouse=True)
def nothing_rendered() -> Iterator[None]:
    PromptText.recent.clear()
    yield
    PromptText.recent.clear()
