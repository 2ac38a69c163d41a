/** A trace widget on the page, over a kernel in memory. */

import { MemoryModel, spansOf } from "../../dev/memory-model.ts";
import widget from "../../src/widgets/trace.ts";
import { decodeSpan } from "../../src/wire/decode.ts";

const SPANS = ["cell", "tool-chat", "chat", "prompt", "failed", "hostile", "running"];

export interface Scene {
  model: MemoryModel;
  el: HTMLElement;
  root: ShadowRoot;
  controller: AbortController;
  grid: () => HTMLElement;
  rows: () => HTMLElement[];
  /** The visible words of the first element that a selector finds. */
  words: (selector: string) => string;
  all: (selector: string) => HTMLElement[];
  press: (...keys: string[]) => void;
  /** Types into the search field. */
  type: (text: string) => void;
}

export interface SceneOptions {
  width?: string;
  /** The fixture that is shown: a trace, or a session of many. */
  shown?: "tree" | "session";
  setUp?: (model: MemoryModel, el: HTMLElement) => void;
}

export async function scene({ width = "1000px", shown = "tree", setUp }: SceneOptions = {}): Promise<Scene> {
  const model = new MemoryModel({ tree: await fixture(`${shown}.arrow`), spans: await spansOfFixture(shown) });
  const el = document.createElement("div");
  el.style.width = width;
  document.body.replaceChildren(el);
  setUp?.(model, el);
  const controller = new AbortController();
  widget.render({ model, el, signal: controller.signal });
  const root = el.firstElementChild?.shadowRoot as ShadowRoot;
  const all = (selector: string): HTMLElement[] => Array.from(root.querySelectorAll<HTMLElement>(selector));
  const grid = (): HTMLElement => all("[role=treegrid]")[0] as HTMLElement;
  return {
    model,
    el,
    root,
    controller,
    grid,
    rows: () => all("[role=row][aria-level]"),
    words: (selector) => all(selector)[0]?.innerText.trim() ?? "",
    all,
    press: (...keys) => {
      for (const key of keys) {
        const focused = root.activeElement ?? grid();
        focused.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true }));
      }
    },
    type: (text) => {
      const field = all("input[type=search]")[0] as HTMLInputElement;
      field.value = text;
      field.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
    },
  };
}

async function spansOfFixture(shown: string): Promise<Record<string, Uint8Array>> {
  if (shown === "session") return spansOf(await fixture("session-spans.arrow"));
  const files = await Promise.all(SPANS.map((name) => fixture(`span-${name}.arrow`)));
  return Object.fromEntries(files.map((bytes) => [decodeSpan(bytes).spanId, bytes]));
}

export async function fixture(name: string): Promise<Uint8Array> {
  const response = await fetch(new URL(`../../../tests/fixtures/${name}`, import.meta.url));
  return new Uint8Array(await response.arrayBuffer());
}
