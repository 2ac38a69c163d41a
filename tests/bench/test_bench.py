"""The benchmark of capture still runs; what it measures is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_comparison_runs_and_prints_a_row_for_nbtrace() -> None:
    few = ["--rounds", "1", "--calls", "2", "--streams", "1", "--many", "2", "--processes", "1", "--only"]
    ran = subprocess.run([sys.executable, HERE / "bench_capture.py", *few], capture_output=True, text=True, check=True)
    title, _, row = (line for line in ran.stdout.splitlines() if line.startswith("|"))
    assert row.startswith("| nbtrace |")
    assert row.count("|") == title.count("|")
    assert "Connections tried by: nobody." in ran.stdout
    assert "`%load_ext nbtrace` in a fresh kernel" in ran.stdout
