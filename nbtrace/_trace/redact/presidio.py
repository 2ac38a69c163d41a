"""Microsoft's Presidio as a rule: an optional extra, imported when it is asked for.

Nothing is downloaded and nothing sent. Presidio's own default fetches a language model of hundreds of megabytes; here
the largest of spaCy's English models that are installed is taken, and without one only what has a form is found: no
names of people and places. Its recognizer of email addresses asks the network for the list of domains, so ours is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from nbtrace._trace.redact.hits import Hit
from nbtrace._trace.redact.personal import emails
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._trace.redact.rules import Analyzer

LEAST_SCORE: Final = 0.4
"""Of what Presidio is less sure, such as any number of nine digits, nothing is masked."""
_LEFT_ALONE: Final = ("DATE_TIME", "URL")
"""Entities that tell nobody's name; an analyzer of the user's own masks all that it finds."""
_SIZES: Final = ("trf", "lg", "md", "sm")
_PIECE: Final = 100_000
"""Characters analyzed at once: spaCy refuses a million, and takes memory by the text's length."""
_OVERLAP: Final = 200


def finding(analyzer: Analyzer, *, leave: Iterable[str] = ()) -> Callable[[str], Iterator[Hit]]:
    """Make a rule of an analyzer; its masks name the entity, such as `presidio PERSON`."""
    language, left = analyzer.supported_languages[0], frozenset(leave)

    def find(text: str) -> Iterator[Hit]:
        for start in range(0, len(text), _PIECE - _OVERLAP):
            for entity in analyzer.analyze(text=text[start : start + _PIECE], language=language):
                if entity.score >= LEAST_SCORE and entity.entity_type not in left:
                    yield Hit(start + entity.start, start + entity.end, f"presidio {entity.entity_type}")

    return find


def default() -> Callable[[str], Iterator[Hit]]:
    """Make the rule for English of what is installed.

    Raises:
        UsageError: Presidio is not installed.
    """
    if find_spec("presidio_analyzer") is None:
        raise UsageError.missing("the rule 'presidio'", '"nbtrace[presidio]"')
    import spacy  # pyright: ignore[reportMissingImports] - an optional extra, as the next two
    from presidio_analyzer import AnalyzerEngine  # pyright: ignore[reportMissingImports]
    from presidio_analyzer.nlp_engine import SpacyNlpEngine  # pyright: ignore[reportMissingImports]

    model = _model()
    engine: Any = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": model or "blank"}])
    if model is None:
        engine.nlp = {"en": spacy.blank("en")}
    analyzer: Any = AnalyzerEngine(nlp_engine=engine)
    analyzer.registry.remove_recognizer("EmailRecognizer")
    analyzed = finding(analyzer, leave=_LEFT_ALONE)

    def find(text: str) -> Iterator[Hit]:
        yield from emails(text)
        yield from analyzed(text)

    return find


def _model() -> str | None:
    """Name the largest of the installed English models."""
    from spacy.util import get_installed_models  # pyright: ignore[reportMissingImports]

    installed = [name for name in get_installed_models() if name.startswith("en_") and name.endswith(_SIZES)]
    return min(installed, key=lambda name: _SIZES.index(name.rpartition("_")[2]), default=None)
