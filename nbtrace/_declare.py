"""The public functions by which a user says more about the calls to come: prompts, prices, rules, what to mask."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack, overload

from nbtrace._api import default, span
from nbtrace._capture.guardrails import Action, Guard, Guarding, On
from nbtrace._prompts.prompt import Message, Prompt
from nbtrace._prompts.text import PromptText
from nbtrace._trace.redact.rules import Rule

if TYPE_CHECKING:
    from datetime import timedelta

    from nbtrace._capture.silence import Silence
    from nbtrace._capture.spending import Per, Spending
    from nbtrace._capture.steps import Step
    from nbtrace._prompts.languages import Language
    from nbtrace._query.filters import Filters
    from nbtrace._query.watching import Alert
    from nbtrace._watches import Watch


@overload
def prompt(name: str, template: Sequence[Message], *, language: Language = "format") -> Prompt: ...
@overload
def prompt(name: str, template: str | None = None, *, language: Language = "format") -> Prompt: ...
@overload
def prompt(name: str, template: object) -> PromptText: ...
def prompt(name: str, template: object = None, *, language: Language = "format") -> Prompt | PromptText:
    """Name a prompt template, so that the calls made with it carry its name, version and variables.

    A changed template under the same name is the next version; one that was there before is the version it was. What
    is rendered is an ordinary string, or a list of ordinary messages, for any client.

    Args:
        name: the name that all versions of the prompt share.
        template: text with `{variable}` fields, as in `str.format`; or the messages of a chat, whose texts have such
            fields, and where `{"type": "placeholder", "name": "history"}` stands for a list of messages; or a template
            string of Python 3.14 (`t"Hello {name}"`), which is rendered at once. Without one, the current version.
        language: `format`, or `jinja2` (`pip install "nbtrace[jinja]"`).

    Returns:
        The version of the prompt, with `format(**variables)`, `version`, `fields`, `diff()`; of a template string, the
        rendered text.

    Raises:
        UsageError: the template is not valid, or the name or the template is no text.
        NotFoundError: no template was given, and there is no such prompt.

    Examples:
        >>> import nbtrace
        >>> haiku = nbtrace.prompt("haiku", "Write a haiku about {subject}.")
        >>> haiku.format(subject="rain")
        'Write a haiku about rain.'
        >>> nbtrace.prompt("haiku", "Write one haiku about {subject}.").diff()
        haiku v1 -> v2: Write [-a-]{+one+} haiku about {subject}.
        >>> chat = [{"role": "system", "content": "Be {mood}."}, {"type": "placeholder", "name": "history"}]
        >>> nbtrace.prompt("chat", chat).format(mood="kind", history=[{"role": "user", "content": "Hi"}])
        [{'role': 'system', 'content': 'Be kind.'}, {'role': 'user', 'content': 'Hi'}]
    """
    return default().prompt(name, template, language=language)


prompts = default().prompts
"""The prompts of the session: `prompts()` lists every version with what it was used for, `prompts[name]` is one prompt.

Examples:
    >>> import nbtrace
    >>> _ = nbtrace.prompt("poem", "Write a poem"), nbtrace.prompt("poem", "Write an ode")
    >>> nbtrace.prompts["poem"].diff(1, 2)
    poem v1 -> v2: Write [-a poem-]{+an ode+}
    >>> nbtrace.prompts["poem"].rollback(1).version, nbtrace.prompts["poem"].tag("production").version
    (1, 1)
    >>> nbtrace.prompts()["version"][-2:]
    ['1', '2']
"""


prices = default().prices
"""What models cost, in US dollars, where the table of genai-prices does not know or is not what you pay.

Examples:
    >>> import nbtrace
    >>> nbtrace.prices["llama3"] = {"input_mtok": 0.2, "output_mtok": 0.8}
    >>> del nbtrace.prices["llama3"]
"""


def budget(limit: float | str | None = None, *, per: Per = "session") -> Spending:
    """Set what calls may come to, in money or tokens: the next call beyond it is stopped before it is sent.

    It then raises `nbtrace.BudgetError` in your code. Calls at the same time can go beyond a budget by what those in
    flight come to, and by no more: a call counts when it ends, a stream too, and a retried one once. At 80 % there is a
    warning. What has no price does not count against a budget of money, which is said once for each model. Calls of the
    clients that nbtrace captures itself are counted and stopped, of all wires, while it records: while that is paused
    (`%nbtrace off`) no budget holds.

    Args:
        limit: US dollars (`2.00`, `"$2"`) or tokens in and out (`"100000 tokens"`); `"off"` takes the budget away;
            without it, nothing is changed.
        per: what has it: the `session` with all that this kernel has recorded so far, each run of a `cell`, or each
            `sweep` (`nbtrace.compare(..., inputs=...)`). Each of the three may have one.

    Returns:
        How the budgets stand: prints as a sentence each; `total(per)` gives the figures.

    Raises:
        UsageError: the limit is no amount, or `per` is none of the three; or the session does not record, so that no
            call would be counted.

    Examples:
        >>> import nbtrace
        >>> session = nbtrace.session()
        >>> nbtrace.budget("100000 tokens", per="cell")
        budget for each cell: 100,000 tokens
        >>> nbtrace.budget("off", per="cell")
        no budget is set; nbtrace.budget(2.00) or %nbtrace budget 2.00 sets one
        >>> session.stop()
    """
    return default().budget(limit, per=per)


@overload
def guard(function: Any, /, *, on: On = "both", action: Action = "block", name: str | None = None) -> Guard: ...
@overload
def guard(*, on: On = "both", action: Action = "block", name: str | None = None) -> Callable[[Any], Guard]: ...
def guard(
    function: Any = None,
    /,
    *,
    on: On = "both",
    action: Action = "block",
    name: str | None = None,
) -> Guard | Callable[[Any], Guard]:
    """Make a function a guard of what goes into calls and what comes out of them.

    The function gets a text and says whether it passes: a bool, or a tuple of that and an explanation; one that fixes
    gives the text to use. One that gives None, as without `return`, or that raises, has not looked: where it is to
    block, it blocks. Called with a text the guard gives it back, or the fixed one, or raises; in a
    `with nbtrace.guarding(...)` it looks at every call. Each run is a span of kind `guardrail` with its verdict.

    Args:
        function: the rule; a guard or a validator of guardrails-ai is one too.
        on: what it looks at: the `input`, the `output`, or `both`.
        action: what becomes of a text that does not pass: `block` raises, for an input before the call is sent; `warn`
            is a Python warning; `fix` gives another text, to whoever calls the guard: a call itself is never changed.
        name: by default the function's name.

    Raises:
        UsageError: it is no plain function, or there is no such side or action.

    Examples:
        >>> import nbtrace
        >>> @nbtrace.guard(action="fix", on="input")
        ... def no_badge(text):
        ...     return text.replace("ACME-1234", "…")
        >>> no_badge("I am ACME-1234")
        'I am …'
    """
    if function is None:
        return functools.partial(Guard, make=_guardrail, on=on, action=action, name=name)
    return Guard(function, _guardrail, on=on, action=action, name=name)


def _guardrail(name: str, attributes: dict[str, str]) -> Step:
    return span(name, kind="guardrail", **attributes)


def guarding(*guards: Guard) -> Guarding:
    """Have guards look at the calls that are made in a `with` block, or in a function that it decorates.

    What is sent, and the answer that comes back, are looked at as text, whole; of a stream the answer is not, which a
    warning says. A guard that blocks raises `nbtrace.GuardrailError`: before the call is sent, or in place of the
    answer, which has been paid then. A rule that itself raises blocks as well. Calls that a guard makes are not
    guarded, nor are those made while recording is paused (`%nbtrace off`).

    Args:
        *guards: as `nbtrace.guard` makes them.

    Raises:
        UsageError: one of them is none, or fixes; on entering, where no session records, so that no call would be
            guarded.

    Examples:
        >>> import nbtrace
        >>> @nbtrace.guard
        ... def no_badge(text):
        ...     return "ACME-" not in text
        >>> with nbtrace.session(), nbtrace.guarding(no_badge):
        ...     pass
    """
    return Guarding(guards, _silence)


def _silence() -> Silence | None:
    """Say why no session captures calls, the default one or another; none while one does."""
    session = default()
    return (session.recording or session).silence()


def watch(
    rule: str,
    *,
    window: str | timedelta = "50 calls",
    baseline: object = None,
    by: str | Sequence[str] = (),
    on_alert: Callable[[Alert], object] | None = None,
    **filters: Unpack[Filters],
) -> Watch:
    """Watch a figure while you work, and be told when it becomes what it must not be, and when it holds again.

    In a notebook the figure is looked at when a cell ends, over the calls that have ended by then; a line below the
    cell tells the figure, the window and the calls to look at. Elsewhere `.look()` does. The same rule, watched
    again, takes the place of the one before. For files, cron and CI there is the command `nbtrace check`.

    Args:
        rule: what must not be: a figure of `nbtrace.metrics`, `total_tokens`, `cost_per_call_usd`, `score.NAME` (a
            mean) or `check.NAME` (the share that passes), and a number: `"error_rate > 2%"`, `"ttft_p95 > 2s"`,
            `"cost > $5"`, `"check.correct < 95%"`; with a sign it is the growth from the baseline: `"cost > +10%"`.
        window: of which calls: the last `"50 calls"`, the last `"10m"`, or `"all"`.
        baseline: what growth is from: `"previous"`, the window before this one; or what `nbtrace.open` takes or gives,
            a session, or spans, whose figures are computed once.
        by: a column, or several: each group is watched for itself, such as each `model`.
        on_alert: called with each alert. What it raises is logged, and fails no cell.
        **filters: those of `nbtrace.spans`: only of these calls.

    Returns:
        The watch: prints as how it stands now; `alerts`, each with its `spans`; `look()`; `stop()`.

    Raises:
        UsageError: the rule, window, a filter or column is none, or a growth has no baseline.

    Examples:
        >>> import nbtrace
        >>> watched = nbtrace.watch("error_rate > 2%", window="20 calls")
        >>> watched, watched.alerts
        (error_rate > 2%: not known yet, [])
        >>> watched.stop()
    """
    from nbtrace._watches import watched

    return watched(default(), rule, window=window, baseline=baseline, by=by, on_alert=on_alert, filters=filters)


def redact(*rules: Rule, name: str | None = None) -> None:
    r"""Mask more than secrets before a span is stored, from now on.

    Args:
        *rules: names of rules that are in force on request: `"email"`, `"phone"`, `"card"`, `"iban"`, `"presidio"`; or
            one rule of your own: a regular expression whose matches are masked, a function from text to the text that
            may be kept, or a Presidio `AnalyzerEngine`.
        name: what the masks of your own rule show. A text with a name is a regular expression.

    Raises:
        UsageError: there is no such rule, it has no name, or it is not valid.

    Examples:
        >>> import nbtrace
        >>> nbtrace.redact("email", "card")
        >>> nbtrace.redact(r"ACME-\d{6}", name="badge")
    """
    default().redact(*rules, name=name)
