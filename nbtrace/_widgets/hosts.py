"""Which front ends need a widget named in a cell's output, and which are better off without.

JupyterLab draws an output that names a widget as an error once the kernel is gone, though the same output holds a
static picture. There, and wherever a page keeps widget models without a view, our widgets take the place of their own
static picture in the page instead, so that what is saved is the picture alone. VS Code and Colab start a widget only
for an output that names it.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Final

KERNEL: Final = uuid.uuid4().hex
"""Tells what this kernel has drawn from what others have, on one page or in a notebook that was saved earlier."""


def needs_view() -> bool:
    """Say whether this kernel's front end shows a widget only where an output names it."""
    return "google.colab" in sys.modules or bool({"VSCODE_PID", "POSITRON_VERSION"} & os.environ.keys())
