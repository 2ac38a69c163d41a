"""The attributes that nbtrace names itself, where no convention has a word.

In order: request, answer and usage, cost, streams, attempts and errors, cells and clients, prompts, sweeps, guards and
judgements, replay, what is not as it was, steps of the program.
"""

from __future__ import annotations

from typing import Final

from nbtrace import semconv
from nbtrace._explain.entry import TOKENS, Entry


def _own(name: str, kind: str, why: str, unit: str = "") -> Entry:
    return Entry("nbtrace", name, kind, "nbtrace's own", why, unit)


OWN: Final[tuple[Entry, ...]] = (
    _own(semconv.REQUEST_OPTIONS, "any",
        "Settings of the request that shape the answer and that the conventions have no name for, as JSON."),

    _own(semconv.RESPONSE_DETAILS, "any",
        "What else the answer says of sound and images, such as the segments of a transcription, as JSON."),
    _own(semconv.EMBEDDINGS_COUNT, "int", "How many vectors came.", "vectors"),
    _own(semconv.EMBEDDINGS_VECTORS, "any",
        "The vectors, each a blob of floats in base64, for a replay. They stay on your machine and in files."),
    _own(semconv.USAGE_CACHE_WRITE_1H, "int",
        "Of what was written to the cache what is kept for an hour, which costs more.", TOKENS),
    _own(semconv.USAGE_AUDIO_SECONDS, "double", "The length of the recording, where that is what is paid.", "seconds"),
    _own(semconv.USAGE_CHARACTERS, "int", "How much was to be spoken, where that is what is paid.", "characters"),
    _own(semconv.USAGE_WEB_SEARCHES, "int", "Searches of the web at the provider, each with a price.", "searches"),
    _own(semconv.USAGE_FILE_SEARCHES, "int", "Searches of files at the provider, each with a price.", "searches"),
    _own(semconv.FETCHED_USAGE, "string",
        "What the fetched response had used, JSON as it came. It is that of its own call and does not count again."),
    _own(semconv.USAGE_TOOLS, "string[]",
        "Tools that ran at the provider and are charged apart, so that the cost is an estimate."),
    _own(semconv.USAGE_STATE, "string",
        "Whether the tokens were `reported` by the provider or `estimated` from the text. Absent: nobody knows."),
    _own(semconv.USAGE_ESTIMATOR, "string", "What they were estimated by: tiktoken's encoding, or characters."),

    _own(semconv.COST_STATE, "string",
        "Whether the cost is `priced`, `estimated`, `unpriced` or `replayed`. An unknown cost is never zero."),
    _own(semconv.COST_REASON, "string", "Why the cost is an estimate, or not known."),
    _own(semconv.COST_BUCKETS, "any", "How the cost adds up: what was counted, how many, at which price; JSON."),
    _own(semconv.COST_REPORTED, "double", "What the provider itself says that the call cost, in units of its own."),
    _own(semconv.COST_SOURCE, "string", "Whose prices they are, with the version of the table."),

    _own(semconv.STREAM_CHUNKS, "int", "In how many pieces the answer came.", "chunks"),
    _own(semconv.STREAM_CUTS, "string", "Where the pieces of the text end, so that a replay cuts it the same.",
        "characters, a number a chunk"),
    _own(semconv.STREAM_ARRIVALS, "string", "When each piece came, counted from the one before it.",
        "microseconds, a number a chunk"),
    _own(semconv.STREAM_GAP_P50, "double", "Half of the waits between pieces were shorter.", "seconds"),
    _own(semconv.STREAM_GAP_P95, "double", "Of twenty waits between pieces nineteen were shorter.", "seconds"),
    _own(semconv.STREAM_GAP_MAX, "double", "The longest wait between two pieces: the pause that a reader noticed.",
        "seconds"),
    _own(semconv.STREAM_OUTPUT_RATE, "double", "How fast the model wrote, from the call's start to its last chunk.",
        "tokens a second"),
    _own(semconv.STREAM_USAGE_REQUESTED, "boolean",
        "nbtrace asked for the stream's token counts, by your leave, and kept the chunk with them from your code."),
    _own(semconv.STREAM_OUTCOME, "string",
        "How the stream ended: `exhausted` is read to the end, `abandoned` was dropped, `unfinished` is still open."),

    _own(semconv.ATTEMPTS, "int", "How many requests went out for this one call. Absent if it was one.", "requests"),
    _own(semconv.ATTEMPTS_WAIT, "double", "How long the client waited between its attempts.", "seconds"),
    _own(semconv.ATTEMPTS_RATE_LIMITED, "double", "How much of that followed a 429, too many requests.", "seconds"),
    _own(semconv.ATTEMPT_WAIT, "double", "How long the client waited after this attempt.", "seconds"),
    _own(semconv.ERROR_CODE, "string", "The provider's code of the error, such as `context_length_exceeded`."),
    _own(semconv.ERROR_KIND, "string", "The provider's own type of error, such as `overloaded_error`."),
    _own(semconv.ERROR_PARAM, "string", "The parameter of the request that the provider did not like."),
    _own(semconv.ERROR_BODY, "string", "What the server said, as it came, cut where it is long."),
    _own(semconv.ERROR_CAUSE, "string", "What was behind the client's error, such as a refused connection."),
    _own(semconv.REFUSAL, "string",
        "Who would not go on: the `model`, a `content_filter` of the answer, or one of the `prompt`."),
    _own(semconv.CONTENT_FILTER, "any", "What the provider says of its filters, JSON as it came."),
    _own(semconv.LOGPROBS, "any", "How sure the model was of each token, as JSON. Few other tools keep it."),

    _own(semconv.RECORDING_ID, "string",
        "On the scope: the recording, from start to stop, in which the runs of a cell are counted."),
    _own(semconv.NOTEBOOK_NAME, "string", "On the scope: the notebook's file, where its host says which."),
    _own(semconv.CLIENT_NAME, "string", "The package that made the request, such as `openai`."),
    _own(semconv.CLIENT_VERSION, "string", "Its version. A release of it may be why answers look otherwise."),
    _own(semconv.SPAN_TYPE, "string",
        "What the span is where no operation says it: `cell`, `attempt`, `chain`, `guardrail` or `evaluation`."),
    _own(semconv.CELL_ID, "string", "The cell of the notebook, by the id that it keeps when it is moved."),
    _own(semconv.CELL_EXECUTION_COUNT, "int", "The number in the cell's brackets."),
    _own(semconv.CELL_RUN, "int", "Which run of this cell it was, from 1. By it the runs of a cell are compared."),
    _own(semconv.CELL_LINE, "int", "The line of the cell that led to the call."),
    _own(semconv.CELL_SOURCE, "string", "The code in the cell as it ran, which may not be there any more."),
    _own(semconv.CELL_SOURCE_HASH, "string", "By it the same code is known without being kept."),
    _own(semconv.CELL_OUTCOME, "string", "How the run ended: `ok`, `error` or `interrupted`."),

    _own(semconv.PROMPT_TEMPLATE, "string", "The template itself, before anything was filled in."),
    _own(semconv.PROMPT_HASH, "string", "The start of the SHA-256 of its text: the same text, the same version."),
    _own(semconv.PROMPT_LANGUAGE, "string", "What the template is written in, where that is not `str.format`'s."),
    _own(semconv.PROMPT_MATCH, "string",
        "`contained`: the rendered prompt was found within a message, which did not say so itself."),

    _own(semconv.SWEEP_ID, "string", "The sweep of `nbtrace.compare` that made the call."),
    _own(semconv.SWEEP_KEY, "string", "The same for what would be the same call, so that nothing is paid twice."),
    _own(semconv.SWEEP_INPUT, "int", "Which of the sweep's inputs, from 0."),
    _own(semconv.SWEEP_INPUT_HASH, "string", "The input, known without being kept."),
    _own(semconv.SWEEP_REPEAT, "int", "Which of several equal calls, from 1."),

    _own(semconv.GUARDRAIL_NAME, "string", "The guard that looked."),
    _own(semconv.GUARDRAIL_ON, "string", "What it looked at: `input` or `output`."),
    _own(semconv.GUARDRAIL_ACTION, "string", "What it does with what does not pass: `block`, `warn` or `fix`."),
    _own(semconv.GUARDRAIL_VERDICT, "string",
        "What came of it: `pass`, the action that was taken, or `failed` if the guard itself raised."),
    _own(semconv.EVALUATOR, "string", "Who judged: a check, a model or a person."),
    _own(semconv.EVALUATION_VERSION, "string", "The version of the check. Verdicts of two are not one series."),
    _own(semconv.EVALUATION_SOURCE, "string", "What kind of judge it was: `code`, `llm` or `human`."),
    _own(semconv.EVALUATED_SPAN, "string", "The span that is judged, by its id."),

    _own(semconv.REPLAYED_FROM, "string",
        "The recorded span that answered this call. Nothing was sent, and nothing was paid."),
    _own(semconv.DUPLICATE_OF, "string",
        "The span that has the same call, where that is not here. Two instrumentations saw it; it counts once."),
    _own(semconv.DUPLICATE_OPERATION, "string",
        "The operation that such a span had named, or one around several calls that have spans of their own."),
    _own(semconv.DUPLICATE_DOUBT, "string",
        "Why there is no saying whether a span of another instrumentation repeats a call. It counts as one besides."),
    _own(semconv.ALSO_SEEN_BY, "string[]",
        "The instrumentations that saw the same call. What they said is on this span too."),
    _own(semconv.ALSO_SEEN_AS, "string[]", "The ids of their spans, which are in this one now. Logs may name them."),
    _own(semconv.ALSO_SAID, "string",
        "Of each of those spans its place, name and times, and what it said otherwise than this one."),

    _own(semconv.INCOMPLETE, "string", "What of the span could not be recorded, and why."),
    _own(semconv.CUT, "string[]", "What was larger than a limit, a sentence each. The places are marked too."),
    _own(semconv.REPAIRED, "string[]", "What was not as it should be in the file that the span was read from."),
    _own(semconv.CONTENT_MODE, "string", "That content is not kept here: `metadata` or `hashed`. Absent where it is."),

    _own(semconv.WATCH_RULE, "string", "What must not be, such as `error_rate > 2%`, on the span of a watch's alert."),
    _own(semconv.WATCH_WINDOW, "string", "Of which calls the watched figure is, in words."),
    _own(semconv.WATCH_SPANS, "string[]", "The calls to look at, by their ids."),

    _own(semconv.STEP_NAME, "string", "The name that you gave to a step of your program."),
    _own(semconv.TAGS, "string[]", "Words of yours to find the span by."),
    _own(semconv.METADATA, "any", "A fact of yours, under a name of yours."),
)  # fmt: skip
