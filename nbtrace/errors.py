"""The errors a user can meet, with their wording in one place.

Every message says what was expected, what came, and what to do next. A failure of ours during a user's call is
reported by `nbtrace._guard` and never reaches the cell; what capture does raise is `BudgetError`, for a user who has
asked for it by setting a budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Self

from nbtrace._names import meant
from nbtrace._traceback import lines


class NbtraceError(Exception):
    """The base of every error that nbtrace raises on purpose."""

    _render_traceback_ = lines  # for which IPython asks


class UsageError(NbtraceError):
    """A call or magic got something it cannot use."""

    @classmethod
    def unknown(cls, what: str, got: object, expected: Iterable[str]) -> Self:
        """Name the value that came, the one that was probably meant, and all that would do."""
        names = list(expected)
        return cls(f"unknown {what} {got!r}; {meant(got, names)}expected one of: {', '.join(names)}")

    @classmethod
    def kind(cls, what: str, got: object, expected: str) -> Self:
        """Name the type that came and what would do."""
        return cls(f"{what} is {type(got).__name__} {got!r:.60}; expected {expected}")

    @classmethod
    def argument(cls, name: str, expected: str, got: object) -> Self:
        """Name an argument, what it takes, and what came."""
        return cls(f"cannot use {name}={got!r:.200}; expected {expected}")

    @classmethod
    def missing(cls, what: str, package: str, *, extra: str | None = None) -> Self:
        """Name the package that a call needs and that is not installed, and how to get it."""
        named = f'"{extra}"' if extra else package
        return cls(f"{what} needs {package}, which is not installed: pip install {named}")

    @classmethod
    def place(cls, shown: str, reason: object) -> Self:
        """Say why a file system is not reached."""
        return cls(f"cannot reach {shown!r}: {reason!s:.300}; expected a path, or a URL that pyarrow or fsspec reads")

    @classmethod
    def occupied(cls, session: object) -> Self:
        """Name the session that has to stop before another can record."""
        return cls(
            f"another session records already ({session!r}), and calls can only be recorded by one: use that one "
            "(in a notebook it is nbtrace.session()), or stop it first by .stop() or %unload_ext nbtrace"
        )

    @classmethod
    def replaying(cls) -> Self:
        """Say what has to end before a session stops."""
        return cls("a replay is on, and its calls would go out; end it first: %nbtrace replay off, or its .stop()")

    @classmethod
    def least(cls, what: str, got: object, least: int) -> Self:
        """Name a number that is too small, or none."""
        return cls(f"{what} takes a number of bytes from {least:,}; it got {got!r}")

    @classmethod
    def share(cls, what: str, got: object) -> Self:
        """Name a number that is no share."""
        return cls(f"{what} takes a share from 0 to 1, such as 0.1 for one in ten; it got {got!r}")

    @classmethod
    def nameless(cls, rule: object) -> Self:
        """Ask for the name that a rule's masks bear."""
        given = getattr(rule, "__name__", repr(rule))
        return cls(f"a rule of your own needs a name, which its masks show: redact({given}, name='...')")

    @classmethod
    def no_rule(cls, got: object) -> Self:
        """Say what a rule may be."""
        return cls(f"a rule is a regular expression or a function from text to text; got {got!r}")

    @classmethod
    def pattern(cls, name: str, reason: str) -> Self:
        """Say what is wrong with a regular expression."""
        return cls(f"the rule {name!r} is no valid regular expression: {reason}")


class NotFoundError(NbtraceError):
    """What was asked for is not there: a trace, a span, a prompt."""

    @classmethod
    def no_prompt(cls, name: object, known: Iterable[str]) -> Self:
        """Name the prompt that is missing and those that there are."""
        there = ", ".join(map(repr, known)) or "none yet; nbtrace.prompt(name, template) makes one"
        return cls(f"there is no prompt {name!r:.100}; there are: {there}")

    @classmethod
    def no_calls(cls, names: Iterable[str], known: Iterable[str]) -> Self:
        """Say that no call was made with some prompts, and with which there were calls."""
        there = ", ".join(map(repr, known)) or "none"
        asked = " or ".join(map(repr, names))
        return cls(f"there is no call with the prompt {asked}; the prompts with calls are: {there}")

    @classmethod
    def of_prompt(cls, name: str, version: object, known: Iterable[int], tags: Iterable[str]) -> Self:
        """Name the version that is missing and those that there are."""
        there = ", ".join([*map(str, known), *map(repr, tags)])
        return cls(f"the prompt {name!r} has no version {version!r:.100}; there are: {there}")


class BudgetError(NbtraceError):
    """A call was not sent, because the budget that the user had set is spent."""

    @classmethod
    def spent(cls, limit: str, per: str, total: str, calls: int, larger: str) -> Self:
        """Name the budget, what has been spent of it, and how to go on."""
        where = "" if per == "session" else f" {per}"
        return cls(
            f"this call was not sent: the budget of {limit} for the {per} is spent ({total} by {calls} "
            f"call{'s' * (calls != 1)}); a larger one lets it go, as `%nbtrace budget {larger}{where}` or "
            f"nbtrace.budget({larger!r}, per={per!r}) set it, and `off` in place of the amount takes it away"
        )


class GuardrailError(NbtraceError):
    """A guard of the user's blocked what goes into a call, or what came out of one."""

    rule: str = ""
    """The guard's name."""
    on: str = ""
    """Which side: `input`, `output` or `both`."""

    @classmethod
    def blocked(cls, rule: str, on: str, why: str | None) -> Self:
        """Name the guard, the side, and the reason that the guard gave."""
        sent = "; it was not sent" if on == "input" else ""
        made = cls(f"the guard {rule!r} blocked the {on} of this call{f': {why}' if why else ''}{sent}")
        made.rule, made.on = rule, on
        return made

    @classmethod
    def failed(cls, rule: str, on: str, error: Exception) -> Self:
        """Say that the guard could not look, so that nothing passes."""
        said = f"the rule raised {type(error).__name__}: {error}"
        made = cls(f"the guard {rule!r} blocked the {on} of this call, which it could not look at: {said}")
        made.rule, made.on = rule, on
        return made


class ReadError(NbtraceError):
    """A file or data frame could not be read as spans."""

    @classmethod
    def kind(cls, got: object) -> Self:
        """Say what can be opened."""
        return cls(
            f"cannot open {type(got).__name__} {got!r:.60}: expected the path of a file or directory, the id of an "
            "earlier session, or a data frame of spans"
        )

    @classmethod
    def nothing(cls, path: object, sessions: object) -> Self:
        """Say that neither a file nor a session has a name."""
        return cls(
            f"there is no file or directory '{path}', nor an earlier session of that id in {sessions}; "
            "check the path, or see %nbtrace sessions"
        )

    @classmethod
    def unreadable(cls, path: object, reason: OSError | ValueError) -> Self:
        """Say what the system said about a path."""
        return cls(f"cannot read '{path}': {getattr(reason, 'strerror', None) or reason}; check the path")

    @classmethod
    def unknown_file(cls, path: object, head: bytes, packed: str | None) -> Self:
        """Say what a file begins with, and what would do."""
        if packed is not None:
            return cls(f"cannot read '{path}': it is compressed by {packed}; decompress it first")
        begins = f"it begins with {head[:16]!r}" if head else "it is empty"
        return cls(f"cannot read '{path}': {begins}; expected Parquet, OTLP JSON lines or OTLP protobuf")

    @classmethod
    def damaged(cls, path: object, kind: str, reason: object) -> Self:
        """Say why a file of a known kind cannot be read."""
        return cls(f"cannot read '{path}' as {kind}: {reason!s:.300}; it may be cut off, or written by something else")

    @classmethod
    def too_large(cls, path: object, size: int, most: int) -> Self:
        """Refuse a file that would not fit."""
        return cls(
            f"'{path}' would take {size:,} bytes when it is decompressed, more than {most:,}; "
            "cut it into smaller files and open one of them"
        )

    @classmethod
    def no_spans(cls, path: object, kind: str, left_out: Mapping[str, int]) -> Self:
        """Say that a file has no span, and what is in it instead."""
        inside = ", ".join(f"{word} ({count:,})" for word, count in left_out.items())
        return cls(f"there is no span in '{path}', read as {kind}; left out: {inside or 'nothing'}")

    @classmethod
    def no_files(cls, path: object, left_out: Iterable[str]) -> Self:
        """Say that a directory has nothing to read."""
        said = "; ".join(list(left_out)[:3])
        return cls(f"there is no file of spans in '{path}'{f': {said}' if said else ''}")

    @classmethod
    def columns(cls, what: object, names: Iterable[str], expected: Iterable[str]) -> Self:
        """Name the columns that came, and those of the frames that are known."""
        came = ", ".join(list(names)[:12]) or "none"
        return cls(f"cannot read {what} as spans: its columns are {came:.300}; expected {', or '.join(expected)}")


class ExportError(NbtraceError):
    """An export could not be made; the spans are still in the session."""

    status: int = 0
    """What a receiver answered, if it did: an HTTP status."""
    answer: str = ""
    """The same in words, or what is to be set before it can be asked."""

    @classmethod
    def destination(cls, to: object, backends: Sequence[str]) -> Self:
        """Refuse a destination that is no known file type, no OTLP endpoint and no backend's name."""
        return cls(
            f"cannot export to {to!r}: {meant(to, backends)}expected a path ending in .parquet, .jsonl, .html or "
            ".csv, an OTLP endpoint such as 'http://127.0.0.1:4318' or 'grpc://127.0.0.1:4317', or one of: "
            f"{', '.join(backends)}"
        )

    @classmethod
    def layout(cls, layout: object, shown: str) -> Self:
        """Say which files have which layout."""
        return cls(
            f"cannot write '{shown}' with layout={layout!r}: expected 'nbtrace', or for a .parquet file on this "
            "machine 'clickhouse'"
        )

    @classmethod
    def only_parquet(cls, shown: str) -> Self:
        """Say what can be written to another file system than this machine's."""
        return cls(f"cannot write '{shown}': a URL takes a dataset or one .parquet file; choose one of these")

    @classmethod
    def variable(cls, backend: str, names: Sequence[str], what: str) -> Self:
        """Name the environment variable that a backend needs, and what belongs there."""
        made = cls(f"cannot export to {backend}: set {' or '.join(names)} to {what}")
        made.answer = str(made).partition(": ")[2]
        return made

    @classmethod
    def not_built(cls) -> Self:
        """Say how a checkout gets the page's JavaScript."""
        return cls("the page's JavaScript is not built: run `npm ci && npm run build` in js/; a released wheel has it")

    @classmethod
    def is_directory(cls, path: object) -> Self:
        """Refuse a directory where a file is written."""
        return cls(f"cannot write '{path}': it is a directory; add a file name, for example '{path}/session.parquet'")

    @classmethod
    def no_directory(cls, path: object, directory: object) -> Self:
        """Name the directory that is missing."""
        return cls(f"cannot write '{path}': there is no directory '{directory}'; create it or choose another path")

    @classmethod
    def unwritable(cls, path: object, reason: str) -> Self:
        """Say what the system said about a path."""
        return cls(f"cannot write '{path}': {reason}; choose a path that you can write to")

    @classmethod
    def url(cls, shown: str) -> Self:
        """Refuse a URL that no OTLP receiver can have."""
        return cls(
            f"cannot send to '{shown}': expected http://, https://, grpc:// or grpcs:// with a host, as in "
            "'http://127.0.0.1:4318'"
        )

    @classmethod
    def setting(cls, name: str, expected: str) -> Self:
        """Name an argument or environment variable and what it should hold, never what it holds."""
        return cls(f"cannot use {name} for the export: expected {expected}; correct or unset it")

    @classmethod
    def header(cls, name: str) -> Self:
        """Name a header that HTTP or gRPC cannot carry, without its value."""
        return cls(
            f"cannot send the header {name!r}: its name or value has characters that the protocol does not allow"
        )

    @classmethod
    def nothing_listens(cls, shown: str, host: str, port: int) -> Self:
        """Name the address that refused the connection."""
        return cls(f"cannot send to {shown}: nothing listens on {host}:{port}; start the receiver or correct the port")

    @classmethod
    def unknown_host(cls, shown: str, host: str) -> Self:
        """Name the host that has no address."""
        return cls(f"cannot send to {shown}: the host {host!r} is not known; check its spelling and your network")

    @classmethod
    def broken(cls, shown: str, host: str, port: int, reason: str) -> Self:
        """Say how the connection failed."""
        return cls(f"cannot send to {shown}: the connection to {host}:{port} failed ({reason}); check the receiver")

    @classmethod
    def not_spoken(cls, shown: str, port: int, protocol: Literal["HTTP", "gRPC"]) -> Self:
        """Say that something else than the protocol answered."""
        ports = {("HTTP", 4317): "that is the port of OTLP/gRPC: use grpc://, or 4318 for OTLP/HTTP",
                 ("gRPC", 4318): "that is the port of OTLP/HTTP: use http://, or 4317 for OTLP/gRPC"}  # fmt: skip
        hint = ports.get((protocol, port), "check the port")
        return cls(f"cannot send to {shown}: what listens there does not speak {protocol}; {hint}")

    @classmethod
    def not_otlp(cls, shown: str) -> Self:
        """Say that a web page answered, which no OTLP receiver sends."""
        return cls(f"cannot send to {shown}: a web page answered, not an OTLP receiver; check host, port and path")

    @classmethod
    def redirected(cls, shown: str, status: int) -> Self:
        """Refuse to follow, since a followed POST arrives empty."""
        return cls(f"cannot send to {shown}: it redirects (HTTP {status}); use the address that it redirects to")

    @classmethod
    def refused(cls, shown: str, status: int, said: str, message: str) -> Self:
        """Give what the server said and its own words, and what the HTTP status, or the one like it, asks for."""
        hint = {
            401: "check the headers that carry your key",
            403: "check the headers that carry your key",
            404: "check the port: OTLP/gRPC receives at 4317"
            if said.startswith("gRPC")
            else "check the path: OTLP/HTTP receives at /v1/traces",
            413: "the receiver takes smaller requests only",
            429: "the receiver is busy; try again later",
        }.get(status, "try again later" if status >= 500 else "see the receiver's log")  # noqa: PLR2004
        answer = f"{said}{f': {message}' if message else ''}"
        made = cls(f"{shown} did not take the spans ({answer}); {hint}")
        made.status, made.answer = status, answer
        return made

    @classmethod
    def timed_out(cls, shown: str, seconds: float) -> Self:
        """Name the time that was not enough."""
        return cls(f"{shown} did not answer within {seconds:g} s; check the receiver or give a longer timeout=")

    @classmethod
    def tls(cls, shown: str, reason: str) -> Self:
        """Say why no secure connection came about."""
        return cls(
            f"no secure connection to {shown} ({reason}); "
            "set OTEL_EXPORTER_OTLP_CERTIFICATE to the authority's PEM file, or use "
            f"{'grpc' if shown.startswith('grpc') else 'http'}:// if the receiver has no TLS"
        )

    @classmethod
    def partly(cls, error: ExportError, sent: int) -> Self:
        """Add to a failure how far the export had come, and how it goes on."""
        return cls(f"{error} ({_spans(sent)} had arrived before; the same export again sends the rest)")

    @classmethod
    def arrived_before(cls, shown: str, before: int, total: int) -> Self:
        """Say what has arrived already, and the two ways to go on."""
        return cls(
            f"{before:,} of {_spans(total)} have arrived at {shown} before; "
            "again='rest' sends the others, again='all' sends all of them once more, under the same ids"
        )

    @classmethod
    def broke_off(cls, shown: str) -> Self:
        """Say that an answer did not come whole, so that one does not know what it would have said."""
        return cls(f"the answer of {shown} broke off, so it may have taken what was sent or not; export again")


def _spans(number: int) -> str:
    return f"{number:,} span{'' if number == 1 else 's'}"


class UnsupportedVersionError(NbtraceError):
    """An installed package, or a file, is outside the range whose internals are known."""

    @classmethod
    def schema(cls, version: str, known: int) -> Self:
        """Name the version of a table of spans and the last one that is known."""
        return cls(
            f"the spans have schema version {version!s:.20}, and this nbtrace knows versions 1 to {known}; "
            "read them with the nbtrace that wrote them, or a later one: pip install --upgrade nbtrace"
        )

    @classmethod
    def outside(cls, package: str, version: str, supported: str) -> Self:
        """Name the package, its version and the range that works."""
        return cls(
            f"{package} {version} is installed but nbtrace captures {package} {supported}; "
            f'its calls run untraced. Install a supported one: pip install "{package}{supported}"'
        )
