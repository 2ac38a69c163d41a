"""A plotly figure that a notebook still shows when nobody draws it: a table and text stand beside it in the output.

JupyterLab, Notebook and VS Code draw plotly's mimetype with a plotly.js of their own, so none is in the output. A
kernel does not know the page's colours: the paper is transparent, words are of a grey that reads on white and on
black, and parts of a bar are told by a pattern and not by a tint.

Importing this module imports plotly.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go
import plotly.io as pio

from nbtrace._widgets.hosts import KERNEL
from nbtrace._widgets.markup import clip, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

INK: Final = "#737b86"
"""Has about the same contrast on white as on black."""
LINE: Final = "rgba(128, 136, 148, 0.28)"
INDIGO, ORANGE, GREEN, RED, GREY = "#6875dd", "#d98632", "#3f9b6e", "#d9534c", "#8790a0"
COLOURS: Final = (INDIGO, ORANGE, GREEN, "#b06fc9", "#2f9bb3", "#a08a2c")
LABEL: Final = 32
HEAD, LINE_HEIGHT = 104, 16
"""Pixels of a title, a line of notes and one of headings, and of each further line."""
NOTES: Final = 88
"""Characters of notes that a line holds in a notebook of some 700 pixels: plotly breaks none."""

AXIS: Final[dict[str, Any]] = {
    "gridcolor": LINE, "linecolor": LINE, "zerolinecolor": LINE, "automargin": True, "title": {"font": {"size": 12}},
    "tickfont": {"size": 11}, "ticklabelstandoff": 4,
}  # fmt: skip
TEMPLATE: Final[dict[str, Any]] = {
    "layout": {
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "colorway": COLOURS,
        "font": {"color": INK, "size": 12, "family": "system-ui, sans-serif"}, "barcornerradius": 2, "bargap": 0.35,
        "title": {
            "x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top", "pad": {"l": 12, "t": 16},
            "font": {"size": 15},
        },
        "legend": {
            "orientation": "h", "x": 1, "xanchor": "right", "y": 0.99, "yref": "container", "yanchor": "top",
            "font": {"size": 11},
        },
        "margin": {"l": 12, "r": 24, "t": 104, "b": 40}, "xaxis": AXIS, "yaxis": AXIS, "hovermode": "closest",
    },
    "data": {"bar": [{"marker": {"line": {"width": 0}}}]},
}  # fmt: skip


class TraceFigure(go.Figure):
    """An ordinary `plotly.graph_objects.Figure`, to be restyled and saved as any other."""

    pictures: tuple[str, str] | None = None
    """The same as HTML and as text."""

    _ipython_display_: Any = None  # pyright: ignore[reportIncompatibleVariableOverride, reportIncompatibleMethodOverride]
    """Plotly would print its own bundle, which has nothing in it where plotly's mimetype is unknown."""

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None, validate: bool = True, **kwargs: Any
    ) -> dict[str, Any]:
        drawn: dict[str, Any] = super()._repr_mimebundle_(include, exclude, validate, **kwargs)
        page, text = self.pictures or ("", repr(self))
        return {**({"text/html": page} if page else {}), "text/plain": text, **drawn}


def new(pictures: tuple[str, str], title: str, notes: list[str], find: Mapping[str, str]) -> TraceFigure:
    """Begin a figure; the user's own default template has precedence over ours.

    Args:
        pictures: The same as HTML and as text.
        title: Its title.
        notes: What stands below the title.
        find: By the name of a group, what a click on it has the live list of traces look for.
    """
    figure = TraceFigure()
    figure.pictures = pictures
    figure.update_layout(
        meta={"nbtrace": {"kernel": KERNEL, "find": {words(name): text for name, text in find.items()}}}
    )
    lines = _lines(notes)
    subtitle = {"text": "<br>".join(lines), "font": {"size": 12}}
    figure.update_layout(title={"text": title, "subtitle": subtitle} if notes else {"text": title})
    figure.update_layout(margin_t=HEAD + LINE_HEIGHT * max(0, len(lines) - 1))
    if pio.templates.default == "plotly":
        figure.update_layout(template=TEMPLATE)
    return figure


def _lines(notes: list[str]) -> list[str]:
    """Spread notes over lines that are not too long, as far as notes are not."""
    lines: list[str] = []
    for note in notes:
        joined = f"{lines[-1]} · {note}" if lines else note
        if lines and len(joined) <= NOTES:
            lines[-1] = joined
        else:
            lines.append(note)
    return lines


def words(text: str, most: int = LABEL) -> str:
    """Make text safe for plotly, which reads some HTML, and formulas between dollar signs."""
    return html.escape(clip(visible(text), most), quote=False).replace("$", "&#36;")
