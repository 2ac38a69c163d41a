/** Mounts the trace widget on the shared fixtures: light and dark, wide and narrow, all states. */

import cell from "../../tests/fixtures/span-cell.arrow";
import chat from "../../tests/fixtures/span-chat.arrow";
import failed from "../../tests/fixtures/span-failed.arrow";
import hostile from "../../tests/fixtures/span-hostile.arrow";
import prompt from "../../tests/fixtures/span-prompt.arrow";
import running from "../../tests/fixtures/span-running.arrow";
import toolChat from "../../tests/fixtures/span-tool-chat.arrow";
import tree from "../../tests/fixtures/tree.arrow";
import widget from "../src/widgets/trace.ts";
import { decodeSpan } from "../src/wire/decode.ts";
import { MemoryModel } from "./memory-model.ts";

const spans = Object.fromEntries(
  [cell, toolChat, chat, prompt, failed, hostile, running].map((bytes) => [decodeSpan(bytes).spanId, bytes]),
);

const query = new URLSearchParams(location.search);
document.body.dataset.theme = query.get("theme") ?? "light";

function mount(width: string, selected: string | null, setUp?: (model: MemoryModel) => void): void {
  const el = document.createElement("div");
  el.style.cssText = `width: ${width}; margin: 0 0 24px`;
  document.body.append(el);
  const model = new MemoryModel({ tree, spans });
  model.set("selected_span", selected);
  setUp?.(model);
  widget.render({ model, el, signal: new AbortController().signal });
}

const width = query.get("width") ?? "1040px";
const ids = Object.keys(spans);
const shown = query.get("span");
if (shown === null) {
  mount(width, null);
  for (const id of ids) mount(width, id);
  mount(width, "00000000000000ff");
  mount(width, null, (model) => {
    model.isBusy = true;
  });
} else {
  mount(width, ids[Number(shown)] ?? null);
}
