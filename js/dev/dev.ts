/**
 * Mounts the trace widget on the shared fixtures: `?scene=` names what is shown, `?theme=` and `?width=` how.
 *
 * `window.scene` has the model and the element, for those who drive the page.
 */

import session from "../../tests/fixtures/session.arrow";
import sessionSpans from "../../tests/fixtures/session-spans.arrow";
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
import { MemoryModel, spansOf } from "./memory-model.ts";

const few = Object.fromEntries(
  [cell, toolChat, chat, prompt, failed, hostile, running].map((bytes) => [decodeSpan(bytes).spanId, bytes]),
);

const query = new URLSearchParams(location.search);
document.body.dataset.theme = query.get("theme") ?? "light";

function mount(model: MemoryModel): void {
  const el = document.createElement("div");
  el.style.cssText = `width: ${query.get("width") ?? "1040px"}; margin: 0 0 24px`;
  document.body.append(el);
  widget.render({ model, el, signal: new AbortController().signal });
  Object.assign(window, { scene: { model, el } });
}

const SCENES: Record<string, () => void> = {
  traces: () => {
    const model = new MemoryModel({ tree: session, spans: spansOf(sessionSpans) });
    model.set("_view", "list");
    mount(model);
  },
  tree: () => mount(new MemoryModel({ tree, spans: few })),
  states: () => {
    for (const id of [...Object.keys(few), "00000000000000ff"]) {
      const model = new MemoryModel({ tree, spans: few });
      model.set("selected_span", id);
      mount(model);
    }
    const busy = new MemoryModel({ tree, spans: few });
    busy.isBusy = true;
    mount(busy);
  },
};

(SCENES[query.get("scene") ?? ""] ?? SCENES.states)?.();
