"""Three versions of a prompt, each asked the same five things: what is put side by side in pictures and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace._store.scores import Score
from nbtrace._trace.pricing import cost
from tools.fixture_session import MINUTE, Afternoon, message

if TYPE_CHECKING:
    from nbtrace._store.store import Store

PROMPT: Final = "reply"
TEMPLATES: Final = (
    "Answer the customer: {question}",
    "Answer the customer in one sentence: {question}",
    "Answer the customer kindly, in two sentences at most: {question}",
)
QUESTIONS: Final = (
    "Where is my parcel?",
    "Can I return worn shoes?",
    "Why was I charged twice?",
    "Do you ship to Iceland?",
    "How do I change my address?",
)
ANSWERS: Final = (
    (
        "Your parcel left our warehouse on Monday. If nothing has changed for three days, please write to the carrier.",
        "Worn shoes cannot be returned. Shoes that were only tried on indoors can, within thirty days, in their box.",
        "The second charge is a reservation. If your bank does not release it within five days, send us the statement.",
        "We ship to Iceland for 19 euros. It takes six to nine working days, and customs may add a fee.",
        "Open your account, choose addresses, and edit the one you want. Orders that were sent keep the old one.",
    ),
    (
        "Your parcel left our warehouse on Monday.",
        "Worn shoes cannot be returned.",
        "The second charge is only a reservation.",
        "Yes, for 19 euros.",
        "Open your account and choose addresses.",
    ),
    (
        "Thank you for asking! Your parcel left our warehouse on Monday, and the tracking page shows where it is now.",
        "I am sorry, worn shoes cannot be returned. Shoes that were only tried on indoors can, within thirty days.",
        "I am sorry for the worry! The second charge is a reservation, and your bank releases it within five days.",
        "Yes, gladly! We ship to Iceland for 19 euros, in six to nine working days.",
        "Happy to help: open your account, choose addresses, and edit the one you want.",
    ),
)
HELPFUL: Final = ((5, 4, 4, 5, 4), (2, 2, 1, 3, 3), (5, 4, 5, 4, 5))


def fill_replies(store: Store) -> None:
    """Record the calls, each with a judgement of how helpful it is."""
    made = Afternoon(store)
    for version, (template, answers) in enumerate(zip(TEMPLATES, ANSWERS, strict=True), 1):
        start = version * MINUTE
        cell = made.cell(start, "ab1e0001", version, version, f"replies = answered(questions)  # v{version}")
        for number, (question, answer) in enumerate(zip(QUESTIONS, answers, strict=True)):
            begin, words = start + 50 + 1700 * number, len(answer.split())
            used = {"gen_ai__usage__input_tokens": 11 + 4 * version, "gen_ai__usage__output_tokens": words * 4 // 3}
            call = made.chat(
                begin, cell, [message("user", template.format(question=question))], [message("assistant", answer)],
                gen_ai__prompt__name=PROMPT, gen_ai__prompt__version=str(version), nbtrace__prompt__template=template,
                gen_ai__prompt__variable__question=question, gen_ai__response__finish_reasons=["stop"], **used,
            )  # fmt: skip
            call.set_attributes(cost(call.attributes or {}, at_ns=call.start_time))
            made.end(call, begin + 240 + 30 * words)
            context = call.get_span_context()
            ids = context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")
            store.score(Score(*ids, "helpful", float(HELPFUL[version - 1][number]), evaluator="judge", source="llm"))
        made.end(cell, start + 50 + 1700 * len(QUESTIONS))
