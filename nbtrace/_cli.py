"""The command `nbtrace`: what a file of spans can be asked without a notebook.

Each command is a thin call of what `nbtrace.open` gives, and is imported when it is asked for. What was asked for goes
to the standard output, as words or, by `--json`, as JSON; what is wrong goes to the standard error, in one sentence and
with exit status 2. Names and texts of spans are hostile: no control character of theirs reaches the terminal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nbtrace.errors import NbtraceError, UsageError

if TYPE_CHECKING:
    from nbtrace._opened import Opened
    from nbtrace._query.frame import Spans

FILTERS: Final = {
    "since": "Started at this moment or later: ISO, or how long ago, such as 2h.",
    "until": "Started before this moment.",
    "trace": "Of the trace whose id begins with these digits.",
    "kind": "What it is: llm, tool, retrieval, agent, chain, cell and the like.",
    "status": "How it ended: ok, error or running.",
    "model": "Asked or answered by this model; a pattern such as 'gpt-4*' too.",
    "prompt": "Of the prompt of this name.",
    "user": "Made for this user.",
    "text": "With this text in names, messages, attributes or events.",
}
"""The filters of `nbtrace.spans` that are words."""

COLOURS: Final = {"+ ": "green", "- ": "red", "~ ": "yellow"}
"""Of the lines of a diff, where the terminal has them."""


class Refused(click.ClickException):
    """An error that the user can do something about."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Say it as it is."""
        click.echo(f"nbtrace: {shown(self.message)}", err=True)


class Commands(click.Group):
    """Commands whose errors are sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except NbtraceError as error:
            raise Refused(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nbtrace", message="nbtrace %(version)s")
def main() -> None:
    """Look at recorded LLM calls, write them elsewhere, and see what has changed."""


def chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the filters as options, and a number of the last spans."""
    command = click.option("--last", type=click.IntRange(min=1), help="Only so many, the last by start.")(command)
    for name, meaning in reversed(FILTERS.items()):
        command = click.option(f"--{name}", metavar="WORD", help=meaning)(command)
    return command


def spans_of(source: str, filters: Mapping[str, Any]) -> tuple[Opened, Spans | None]:
    """Read a file, dataset or session, and choose of it what filters say, if any do."""
    import nbtrace

    opened = nbtrace.open(source)
    given: Any = {name: value for name, value in filters.items() if value is not None}
    return opened, opened.spans(**given) if given else None


@main.command()
@click.option("--directory", type=click.Path(path_type=Path), help="Where they are; by default the user's own.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list, the last session first.")
def sessions(directory: Path | None, *, as_json: bool) -> None:
    """List the earlier sessions that are kept on this machine."""
    from dataclasses import asdict

    from nbtrace._earlier import listed
    from nbtrace._store.sessions import default_directory, earlier

    there = directory or default_directory()
    if directory is not None and not directory.is_dir():
        raise UsageError.argument("--directory", "a directory of sessions", str(directory))
    if as_json:
        echo_json([asdict(one.manifest) | {"state": one.state, "path": str(one.path)} for one in earlier(there)])
        return
    lines = listed(there, own="")
    for line in lines or [f"there are no sessions in {there}"]:
        click.echo(shown(line))


@main.command()
@click.argument("source")
@chosen
@click.option("--rows", default=200, show_default=True, type=click.IntRange(min=1), help="Lines of the tree.")
@click.option("--html", type=click.Path(), help="Write a page with all details instead, which needs no network.")
def view(source: str, *, rows: int, html: str | None, **filters: Any) -> None:
    """Show the spans of SOURCE as a tree: a file, a dataset, or a session by its id."""
    opened, chosen = spans_of(source, filters)
    if html is not None:
        if not html.endswith(".html"):
            raise UsageError.argument("--html", "a path ending in .html", html)
        click.echo(shown(repr(opened.export(html, spans=chosen))))
        return
    from nbtrace._query.tree import tree
    from nbtrace._widgets.static import tree_text

    said_of(opened)
    click.echo(tree_text(tree((opened.spans() if chosen is None else chosen).snapshot, summaries=rows), rows))


@main.command()
@click.argument("source")
@click.argument("to")
@chosen
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--no-content", is_flag=True, help="Without what was said: prompts, answers, arguments, sources.")
@click.option("--again", type=click.Choice(["rest", "all", "refuse"]), default="rest", show_default=True,
              help="Spans that a dataset has already.")  # fmt: skip
@click.option("--endpoint", metavar="URL", help="Another address for a backend of that name.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="An HTTP header; may be repeated.")
@click.option("--timeout", type=float, metavar="SECONDS", help="How long an endpoint may take to answer.")
@click.option("--verify", is_flag=True, help="Read back what is there, and say what is missing or otherwise.")
@click.option("--layout", type=click.Choice(["nbtrace", "clickhouse"]), default="nbtrace", show_default=True,
              help="The shape of a Parquet file.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def export(source: str, to: str, *, no_content: bool, headers: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Write the spans of SOURCE to TO: a file, a dataset, an OTLP endpoint, or a backend by name.

    TO is what nbtrace.export takes: a path ending in .parquet, .jsonl or .html, a directory ending in /, a URL, or a
    name such as phoenix.
    """
    from dataclasses import asdict

    filters = {name: given.pop(name) for name in (*FILTERS, "last")}
    opened, chosen = spans_of(source, filters)
    said_of(opened)
    pairs = {name: value for name, _, value in (one.partition("=") for one in headers)}
    report = opened.export(to, spans=chosen, content=not no_content, headers=pairs or None, **given)
    if as_json:
        echo_json(asdict(report))
    else:
        click.echo(shown(repr(report)))


@main.command()
@click.argument("before")
@click.argument("after")
@click.option("--fail-on", multiple=True, metavar="THRESHOLD",
              help="Exit with 1 if broken: added, removed, 'cost > +10%', 'error_rate > 2%', ...; may be repeated.",
              )  # fmt: skip
@click.option("--markdown", "form", flag_value="markdown", help="As Markdown, for a pull request.")
@click.option("--json", "form", flag_value="json", help="As JSON: counts, figures, changed spans.")
@click.option("--html", type=click.Path(path_type=Path), help="Write it as a page as well.")
def diff(before: str, after: str, *, fail_on: tuple[str, ...], form: str | None, html: Path | None) -> None:
    """Say what has changed between two recordings: files, datasets, or sessions by id.

    Exit status is 0, or 1 if a threshold of --fail-on is broken, or 2 if something is wrong.
    """
    import nbtrace

    found = nbtrace.diff(before, after)
    broken = found.broken(*fail_on)
    if html is not None:
        from nbtrace._export.atomic import replacing

        with replacing(html) as file:
            file.write(found.to_html().encode("utf-8", "replace"))
    if form == "json":
        echo_json(found.as_dict() | {"broken": broken})
    elif form == "markdown":
        click.echo(found.to_markdown())
    else:
        for line in str(found).splitlines():
            click.secho(line, fg=COLOURS.get(line.strip()[:2]))
    for one in broken:
        click.echo(f"nbtrace: {shown(one)}", err=True)
    if broken:
        raise click.exceptions.Exit(1)


@main.command()
@click.option("--dataset", required=True, metavar="SOURCE", help="What is checked: a file, dataset or session.")
@click.option("--rules", required=True, type=click.Path(path_type=Path), help="A TOML file of [[rule]] tables.")
@click.option("--baseline", metavar="SOURCE", help="What growth, such as 'cost > +10%', is counted from.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: how each rule came out.")
def check(dataset: str, rules: Path, *, baseline: str | None, as_json: bool) -> None:
    """Hold the figures of recorded calls against rules, once: for cron and CI.

    A rule says what must not be, such as when = "error_rate > 2%", of which window = "24h", and from which baseline
    growth is counted: "previous" is the window before. Exit status is 0 if all hold, 1 if one is broken or not known,
    2 if something is wrong.
    """
    import nbtrace
    from nbtrace._query.rules import Asked, held, read
    from nbtrace._query.text import counted
    from nbtrace._query.window import PREVIOUS, WHOLE

    def asked(source: str) -> Asked:
        opened = nbtrace.open(source)
        return Asked(opened.spans, opened.metrics)

    written = read(rules)
    sources = {one.baseline: one.baseline for one in written if one.baseline not in (None, PREVIOUS)}
    baselines = {name: asked(source) for name, source in {**sources, None: baseline}.items() if source is not None}
    outcomes = held(written, asked(dataset), baselines)
    broken = [one for one in outcomes if one.broken]
    if as_json:
        echo_json({"broken": len(broken), "outcomes": [one._asdict() for one in outcomes]})
    else:
        for one in outcomes:
            of = "".join(f", {name} {value}" for name, value in one.group.items())
            among = [counted(one.calls, "call")] if one.window != WHOLE.said or one.judged is not None else []
            among += [f"{one.judged:,} judged"] if one.judged is not None else []
            among += [one.window] if one.window != WHOLE.said else []
            of += f" ({', '.join(among)})" if among else ""
            said = (one.broken or "holds").removeprefix(f"{one.rule}: ")
            click.secho(shown(f"{one.rule}{of}: {said}"), fg="red" if one.broken else None)
    if broken:
        raise click.exceptions.Exit(1)


@main.group()
def audit() -> None:
    """Say what the AI said to whom and why, so that a later change shows."""


@audit.command("write")
@click.argument("source")
@click.argument("to", type=click.Path())
@chosen
def write_audit(source: str, to: str, **filters: Any) -> None:
    """Write the spans of SOURCE to TO: a .parquet file, or a .html page with that file beside it.

    The output is the head of the chain: keep it elsewhere.
    """
    import nbtrace

    click.echo(nbtrace.audit(source, **filters).write(to))


@audit.command("verify")
@click.argument("path", type=click.Path())
@click.option("--head", metavar="SHA256", help="What was the output when it was written.")
def verify_audit(path: str, *, head: str | None) -> None:
    """Say whether the audit in the Parquet file PATH is as it was written; else exit with 1 and name the span."""
    import nbtrace

    found = nbtrace.audit.verify(path, head=head)
    click.echo(repr(found))
    if not found:
        raise click.exceptions.Exit(1)


def said_of(opened: Opened) -> None:
    """Say on the standard error what of a source was repaired or could not be read."""
    if opened.repaired or opened.left_out:
        click.echo(f"nbtrace: {shown(repr(opened))}", err=True)


def echo_json(value: object) -> None:
    """Write JSON, two spaces a level."""
    import orjson

    from nbtrace._widgets.markup import CONTROLS

    written = orjson.dumps(value, default=repr, option=orjson.OPT_INDENT_2).decode()
    lines = (CONTROLS.sub(_escaped, line) for line in written.split("\n"))
    click.echo("\n".join(lines))


def _escaped(found: re.Match[str]) -> str:
    """Write a character as JSON may: in a string, where all of them are."""
    return json.dumps(found[0])[1:-1]


def shown(text: str) -> str:
    """Make every character of a line one that a terminal only shows."""
    from nbtrace._widgets.markup import visible

    return visible(text)
