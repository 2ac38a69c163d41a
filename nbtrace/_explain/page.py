"""An explanation as HTML that stands alone: no script, nothing loaded, readable without its style too.

What is the same on both sides has the same class, and lights up on both as one points at either; each is a link to the
other. Colours are mixtures of the text's own, so that they fit whatever is around, light or dark; where colours are
forced, outlines say the same. The columns stand beside each other where there is room for two, whatever the window is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from nbtrace._explain import pretty
from nbtrace._explain import shown as told
from nbtrace._explain.entry import CONVENTIONS
from nbtrace._explain.parts import PARTS
from nbtrace._widgets.markup import IGNORE_MATH, as_it_is, escape
from nbtrace._widgets.static import more

if TYPE_CHECKING:
    from nbtrace._explain.chat import Said
    from nbtrace._explain.explained import Explained, Fact, Group
    from nbtrace._explain.received import Change, Received

SIZE: Final = 40_000
"""Bytes of each of the four sections: what a notebook keeps of an explanation is some 60 KB, and never 200."""
NAME: Final = "nbtrace-explain"

STYLE: Final = """\
.nbtrace-explain[class][class]{container-type:inline-size;width:100%;padding:0 8px;font-size:13px;line-height:1.5;
overflow-wrap:anywhere;word-break:normal;
--line:color-mix(in srgb,currentColor 18%,transparent);--soft:color-mix(in srgb,currentColor 5%,transparent);
--lit:color-mix(in srgb,#f5b301 32%,transparent);--out:none;
& *{box-sizing:border-box}
& .two{display:grid;gap:0 28px;grid-template-columns:minmax(0,1fr)}
& .head{font-size:15px;font-weight:600;padding:4px 0 0}
& .h{font-size:12px;font-weight:600;margin:18px 0 6px;padding:0 0 4px;border-bottom:1px solid var(--line)}
& .h+details{border-top:0}
& code,& pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px;line-height:1.55;
background:none;color:inherit;border:0;padding:0;margin:0;white-space:pre-wrap;word-break:normal}
& a{color:inherit;text-decoration:underline dotted color-mix(in srgb,currentColor 40%,transparent);
text-underline-offset:3px}
& a:hover,& a:focus-visible{text-decoration:underline}
& .said{padding:6px 10px;margin:0 0 6px;border-radius:6px;background:var(--soft)}
& .said b{font-size:11px;opacity:.75}
& .fact{padding:5px 8px;margin:0 -8px;border-radius:4px}
& .fact .v{margin-left:10px}
& .why{opacity:.85}
& small{font-size:11px;opacity:.75;display:block}
& .group{padding:2px 8px;margin:0 -8px 6px;border-radius:4px}
& .group .fact{margin-left:6px}
& .l{display:block;padding-left:calc(var(--d)*1.6ch + 2ch);text-indent:-2ch;border-radius:3px}
& .l small{display:inline}
& .change small{display:inline;margin-left:10px}
& .i{display:none}
& details{border-top:1px solid var(--line)}
& summary{padding:6px 0;cursor:pointer}
& summary span{opacity:.75;margin-left:10px}
& details>div{padding:0 0 2px 14px}
& details>div:last-child{padding-bottom:12px}
& .more{opacity:.75;padding:4px 0}
& :target{background:var(--lit);outline:var(--out)}
@container (min-width:700px){& .two{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}}
@media (forced-colors:active){&{--out:1px solid Highlight}}}
"""
"""`[class][class]` outweighs what JupyterLab says of code and links. Without any of it all is still to be read."""

_QUOTED: Final = re.compile(r"^(\{?(?:&quot;key&quot;: )?)(&quot;.*?&quot;)")
"""The name at the beginning of a line of JSON, or the key of its attribute."""

PAGE: Final = """\
:root{color-scheme:light dark}
body{margin:0 auto;padding:16px;max-width:1600px;font-family:system-ui,sans-serif}
"""


def page(one: Explained) -> str:
    """Make a page of an explanation."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(told.title(one))}</title><style>{PAGE}</style></head>"
        f"<body>{drawn(one, opened=True)}</body></html>"
    )


def drawn(one: Explained, *, opened: bool = False) -> str:
    """Draw an explanation as a part of somebody else's page; what most do not look for is folded, if not opened."""
    return _Drawing(one).html(opened=opened)


class _Drawing:
    """One drawing, whose ids and classes are its own: a notebook may have many."""

    def __init__(self, explained: Explained) -> None:
        self.explained = explained
        self.id = f"nbx{uuid4().hex[:8]}"
        self._numbers: dict[str, int] = {}
        lines = list(pretty.lines(explained.otlp))
        self._all_lines = len(lines)
        self._lines = lines[: told.LINES]
        self._in_json = {line.key for line in self._lines}
        self._anchored: set[str] = set()

    def html(self, *, opened: bool) -> str:
        one = self.explained
        said = one.said[-told.MESSAGES :]
        earlier = [_more(line) for line in more(len(one.said) - len(said), "earlier message")]
        attributes = map(self._fact, one.attributes)
        first = [
            *self._section("What happened", [f"<div>{escape(line)}</div>" for line in one.happened]),
            *self._section("Conversation", [*earlier, *map(self._said, said)]),
        ]
        left = [
            *self._section("Parts of the span", map(self._fact, one.parts), "part"),
            *self._section(f"Attributes ({len(one.attributes)})", [self._about(), *attributes], "attribute"),
            *self._section("Resource, scope, events, links", map(self._group, one.groups)),
        ]
        right = self._json()
        backends = self._section("What each backend makes of it", map(_received, one.backends), "backend")
        return (
            f'<div class="{NAME} {self.id} {IGNORE_MATH}"><style>{STYLE}{self._lit()}</style>'
            f'<div class="head">{escape(told.title(one))}</div>'
            f"{''.join(first)}<details{' open' * opened}><summary><b>The span as telemetry</b>"
            f"<span>{escape(told.contents(one))}</span></summary>"
            f'<div class="two"><div>{"".join(left)}</div><div>{right}</div></div>'
            f"<div>{''.join(backends)}{''.join(self._section('Levels', _levels(one)))}</div></details></div>"
        )

    def _section(self, title: str, drawn: Iterable[str], noun: str = "part") -> Iterator[str]:
        """Put a title above what is drawn, as far as there is room."""
        kept, left = told.fitting(list(drawn), SIZE, noun)
        if kept or left:
            yield _heading(title)
            yield from (*kept, *map(_more, left))

    def _lit(self) -> str:
        """Light up what one points at, wherever it stands."""
        both = [f".k{number}" for key, number in self._numbers.items() if key in self._in_json]
        rule = ",".join(f".{self.id}:has({one}:is(:hover,:focus-within)) {one}" for one in both)
        return f"{rule}{{background:var(--lit);outline:var(--out)}}" if both else ""

    def _class(self, key: str) -> str:
        return f"k{self._numbers.setdefault(key, len(self._numbers))}"

    def _anchor(self, side: str, key: str) -> str:
        """Give the id of a side, once: what stands there more than once is found by its first place."""
        anchor = f"{self.id}-{side}{self._numbers[key]}"
        if anchor in self._anchored:
            return ""
        self._anchored.add(anchor)
        return f' id="{anchor}"'

    def _linked(self, side: str, key: str, html: str) -> str:
        return f'<a href="#{self.id}-{side}{self._numbers[key]}">{html}</a>'

    def _said(self, one: Said) -> str:
        lines = "<br>".join(escape(line) for line in told.said_lines(one.text))
        role = escape(told.clipped(one.role, 40))
        return f'<div class="said {self._class(pretty.mark(one.key))}"><b>{role}</b><div>{lines}</div></div>'

    def _about(self) -> str:
        """Say what attributes are."""
        kind = self._class("attributes")
        return f'<div class="why {kind}"{self._anchor("f", "attributes")}>{_ours(PARTS["attributes"].why)}</div>'

    def _fact(self, fact: Fact) -> str:
        kind = self._class(fact.key)
        name = f"<b>{escape(told.clipped(fact.title))}</b>"
        name = name if fact.key in PARTS else f"<code>{name}</code>"
        name = self._linked("j", fact.key, name) if fact.key in self._in_json else name
        value = f'<code class="v">{escape(told.clipped(fact.value))}</code>'
        of = f"<small>{escape(words)}</small>" if (words := told.of_fact(fact)) else ""
        return (
            f'<div class="fact {kind}"{self._anchor("f", fact.key)}>{name} {value}'
            f'<div class="why">{_ours(fact.why)}</div>{of}</div>'
        )

    def _group(self, group: Group) -> str:
        kind = self._class(group.key)
        facts = "".join(told.shown(group.facts, told.FACTS, "more attribute", self._fact))
        return (
            f'<div class="group {kind}"{self._anchor("f", group.key)}><b>{escape(told.clipped(group.title))}</b>'
            f'<div class="why">{_ours(group.why)}</div>{facts}</div>'
        )

    def _json(self) -> str:
        kept, _ = told.fitting([self._line(line) for line in self._lines], SIZE, "line")
        rest = "".join(map(_more, more(self._all_lines - len(kept), "more line")))
        return f"{_heading('OTLP JSON')}<pre>{''.join(kept)}</pre>{rest}"

    def _line(self, line: pretty.Line) -> str:
        indent = "  " * line.depth
        written = as_it_is(line.text)
        cut = f" <small>{told.cut_words(line)}</small>" if line.cut else ""
        if line.key in self._numbers:
            written = _QUOTED.sub(lambda name: name[1] + self._linked("f", line.key, name[2]), written, count=1)
            attributes = f'class="l {self._class(line.key)}"{self._anchor("j", line.key)}'
        else:
            attributes = 'class="l"'
        return f'<span {attributes} style="--d:{line.depth}"><span class="i">{indent}</span>{written}{cut}\n</span>'


def _heading(title: str) -> str:
    """Draw a heading that JupyterLab does not take into the notebook's table of contents."""
    return f'<div class="h" role="heading" aria-level="4"><b>{title}</b></div>'


def _received(found: Received) -> str:
    changes = "".join(told.shown(found.changes, told.CHANGES, "more attribute", _change))
    limits = "".join(f"<div>{escape(limit)}</div>" for limit in found.limits)
    return (
        f"<details><summary><b>{found.backend}</b><span>{told.counts(found)}</span></summary>"
        f"<div>{_ours(found.seen)}</div>{limits}<div>{changes}</div></details>"
    )


def _change(change: Change) -> str:
    value = f" = {escape(told.clipped(told.value_of(change)))}" if change.sign != "-" else ""
    meaning = f" <small>{escape(change.meaning)}</small>" if change.meaning else ""
    key = escape(told.clipped(change.key))
    return f'<div class="change"><code>{change.sign} <b>{key}</b>{value}</code>{meaning}</div>'


def _levels(one: Explained) -> Iterator[str]:
    """Say what the levels mean, and where the conventions are to be read."""
    for level, meaning in told.levels(one).items():
        yield f"<div><b>{escape(level)}</b>: {escape(meaning)}</div>"
    names = dict.fromkeys(entry.convention for entry in told.entries(one))
    links = [
        f'<a href="{convention.url}" target="_blank" rel="noopener noreferrer">{convention.title}</a>'
        for convention in map(CONVENTIONS.__getitem__, names)
        if convention.url
    ]
    if links:
        yield f"<div>To be read: {', '.join(links)}</div>"


def _ours(words: str) -> str:
    """Escape our own words, in which names stand between backticks."""
    return re.sub(r"`(.*?)`", r"<code>\1</code>", escape(words))


def _more(line: str) -> str:
    return f'<div class="more">{escape(line)}</div>'
