/** The trace widget's entry: joins anywidget's model, the kernel's feed and the view. */

import { effect, signal as value } from "@preact/signals";
import { Explorer } from "../model/explorer.ts";
import type { Labels } from "../model/labels.ts";
import { watchCharts } from "../ui/charts.ts";
import { fillSlots } from "../ui/slot.ts";
import { mountTraceView } from "../views/trace-view.tsx";
import type { MessageModel } from "../wire/channel.ts";
import { feed } from "./feed.ts";

type TraceEvent = "change:height" | "change:selected_span" | "change:selected_trace" | "comm_live_update";

/** What this widget uses of anywidget's model. */
export interface TraceModel extends MessageModel {
  get(name: "height"): number;
  get(name: "selected_span" | "selected_trace"): string | null | undefined;
  get(name: "_slot" | "_view"): string;
  get(name: "_kernel"): string | undefined;
  get(name: "_labels"): Labels | null | undefined;
  set(name: "selected_span" | "selected_trace", id: string | null): void;
  save_changes(): void;
  on(event: TraceEvent, listener: () => void): void;
  on(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  off(event: TraceEvent, listener: () => void): void;
  off(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
}

/** ipywidgets puts this class on a view whose model has no live comm. */
export const DISCONNECTED = "jupyter-widgets-disconnected";

function initialize({ model, signal }: { model: TraceModel; signal: AbortSignal }): void {
  fillSlots(document, model.get("_slot"), (el, shown) => render({ model, el, signal: shown }), signal);
}

function render({ model, el, signal }: { model: TraceModel; el: HTMLElement; signal: AbortSignal }): void {
  const explorer = new Explorer({ hasList: model.get("_view") === "list", isStill: model.isStill ?? false });
  explorer.judging.labels = model.get("_labels") ?? null;
  const height = value(model.get("height"));
  const listen = (event: TraceEvent, listener: () => void): void => {
    model.on(event, listener);
    signal.addEventListener("abort", () => model.off(event, listener), { once: true });
  };
  listen("change:height", () => {
    height.value = model.get("height");
  });
  const share = (name: "selected_span" | "selected_trace", own: () => string | null): void => {
    const stop = effect(() => {
      const selected = own();
      if (explorer.tree.value === null || selected === (model.get(name) ?? null)) return;
      model.set(name, selected);
      model.save_changes();
    });
    signal.addEventListener("abort", stop, { once: true });
  };
  if (explorer.hasList) {
    explorer.selectTrace(model.get("selected_trace") ?? null);
    listen("change:selected_trace", () => explorer.selectTrace(model.get("selected_trace") ?? null));
    share("selected_trace", () => explorer.selectedTrace.value);
    const kernel = model.get("_kernel");
    if (kernel) watchCharts(document, kernel, (text) => explorer.lookForAll(text), signal);
  }
  explorer.select(model.get("selected_span") ?? null);
  listen("change:selected_span", () => explorer.select(model.get("selected_span") ?? null));
  share("selected_span", () => explorer.selected.value?.spanId ?? null);

  mountTraceView(el, { explorer, height, signal });
  const { refresh } = feed(explorer, model, signal);
  const watchKernel = (): void => {
    if (el.classList.contains(DISCONNECTED)) explorer.kernel.value = "gone";
    else refresh();
  };
  watchKernel();
  // ipywidgets changes the class in a listener of its own, which may come after this one.
  listen("comm_live_update", () => queueMicrotask(watchKernel));
}

export default { initialize, render };
