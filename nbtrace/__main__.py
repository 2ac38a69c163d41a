"""`python -m nbtrace` is the command `nbtrace`."""

from __future__ import annotations

from nbtrace._cli import main

if __name__ == "__main__":
    main(prog_name="nbtrace")
