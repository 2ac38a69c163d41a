/** The trace widget's entry: joins anywidget's model, the kernel's feed and the view. */

import { effect, signal as value } from "@preact/signals";
import { Explorer } from "../model/explorer.ts";
import { mountTraceView } from "../views/trace-view.tsx";
import type { MessageModel } from "../wire/channel.ts";
import { feed } from "./feed.ts";

/** What this widget uses of anywidget's model. */
export interface TraceModel extends MessageModel {
  get(name: "height"): number;
  get(name: "selected_span"): string | null;
  set(name: "selected_span", spanId: string | null): void;
  save_changes(): void;
  on(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  on(event: "change:height" | "change:selected_span" | "comm_live_update", listener: () => void): void;
}

/** ipywidgets puts this class on a view whose model has no live comm. */
const DISCONNECTED = "jupyter-widgets-disconnected";

function render({ model, el, signal }: { model: TraceModel; el: HTMLElement; signal: AbortSignal }): void {
  const explorer = new Explorer();
  const height = value(model.get("height"));
  explorer.select(model.get("selected_span"));
  model.on("change:height", () => {
    height.value = model.get("height");
  });
  model.on("change:selected_span", () => explorer.select(model.get("selected_span")));

  const stop = effect(() => {
    const selected = explorer.selected.value;
    if (selected === (model.get("selected_span") ?? null)) return;
    model.set("selected_span", selected);
    model.save_changes();
  });
  signal.addEventListener("abort", stop, { once: true });

  mountTraceView(el, { explorer, height, signal });
  const { refresh } = feed(explorer, model, signal);
  const watchKernel = (): void => {
    const isGone = el.classList.contains(DISCONNECTED);
    explorer.kernel.value = isGone ? "gone" : "answering";
    if (!isGone) refresh();
  };
  watchKernel();
  // ipywidgets changes the class in a listener of its own, which may come after this one.
  model.on("comm_live_update", () => queueMicrotask(watchKernel));
}

export default { render };
