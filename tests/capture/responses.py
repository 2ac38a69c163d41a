"""What the Responses API answers, whole and in events."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]
ASK: Any = {"model": "gpt-4o-mini", "input": "Say hello."}
MESSAGE: JSON = {
    "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "Hello!", "annotations": []}],
}  # fmt: skip
USAGE: JSON = {
    "input_tokens": 30, "output_tokens": 12, "total_tokens": 42,
    "input_tokens_details": {"cached_tokens": 16}, "output_tokens_details": {"reasoning_tokens": 8},
}  # fmt: skip


def response(*output: JSON, status: str = "completed", **more: Any) -> JSON:
    return {
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": "gpt-4o-mini-2024-07-18",
        "status": status, "output": list(output or (MESSAGE,)), "usage": USAGE, "error": None,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], **more,
    }  # fmt: skip


def events(whole: JSON) -> list[JSON]:
    """Cut a response into the events of its stream, as the API sends them."""
    found: list[JSON] = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}]
    for index, item in enumerate(whole["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        empty = {**item, "status": "in_progress", **{key: [] for key in ("content", "summary") if key in item}}
        for key in ("arguments", "input"):
            empty |= {key: ""} if key in item else {}
        found.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        for place in ("content", "summary"):
            for number, part in enumerate(item.get(place) or ()):
                stem, field = {
                    "output_text": ("response.output_text", "text"), "refusal": ("response.refusal", "refusal"),
                    "reasoning_text": ("response.reasoning_text", "text"),
                    "summary_text": ("response.reasoning_summary_text", "text"),
                }[part["type"]]  # fmt: skip
                where = {**at, f"{place}_index": number}
                if place == "content":
                    added = {**part, field: ""}
                    found.append({"type": "response.content_part.added", **where, "part": added})
                pieces = [part[field][:2], part[field][2:]]
                found += [{"type": f"{stem}.delta", **where, "delta": piece} for piece in pieces]
                found.append({"type": f"{stem}.done", **where, field: part[field]})
        for key, stem in (("arguments", "function_call_arguments"), ("input", "custom_tool_call_input")):
            if key in item:
                found += [
                    {"type": f"response.{stem}.delta", **at, "delta": piece} for piece in (item[key][:3], item[key][3:])
                ]
                found.append({"type": f"response.{stem}.done", **at, key: item[key]})
        found.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return [*found, {"type": f"response.{whole['status']}", "response": whole}]


ITEMS: list[JSON] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Thinking."}]},
    {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Ulm"}'},
    {"id": "ct_1", "type": "custom_tool_call", "call_id": "call_2", "name": "shell", "input": "ls -l"},
    {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "I will not."}]},
]

FAILED = response(status="failed", output=[], usage=None, error={"code": "server_error", "message": "It broke."})
