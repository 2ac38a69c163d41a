/** The compare widget's entry: joins anywidget's model, the kernel's answers and the view. */

import { effect, signal as value } from "@preact/signals";
import { Comparison, type Head } from "../model/comparison.ts";
import { type Judge, type Labels, labelWords, noteWords } from "../model/labels.ts";
import { visibleName } from "../model/visible.ts";
import { fillSlots } from "../ui/slot.ts";
import { mountCompareView } from "../views/compare/view.tsx";
import { Channel, KernelGone, type MessageModel } from "../wire/channel.ts";
import { decodeRuns } from "../wire/decode.ts";
import { asking, wordsOf } from "./asking.ts";
import { DISCONNECTED } from "./trace.ts";

type CompareEvent = "change:height" | "change:baseline" | "comm_live_update";

/** What this widget uses of anywidget's model. */
export interface CompareModel extends MessageModel {
  get(name: "height" | "baseline"): number;
  get(name: "_slot"): string;
  get(name: "_labels"): Labels | undefined;
  set(name: "baseline", column: number): void;
  save_changes(): void;
  on(event: CompareEvent, listener: () => void): void;
  on(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  off(event: CompareEvent, listener: () => void): void;
  off(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
}

function initialize({ model, signal }: { model: CompareModel; signal: AbortSignal }): void {
  fillSlots(document, model.get("_slot"), (el, shown) => render({ model, el, signal: shown }), signal);
}

function render({ model, el, signal }: { model: CompareModel; el: HTMLElement; signal: AbortSignal }): void {
  const comparison = new Comparison(model.get("baseline"), model.get("_labels"));
  const height = value(model.get("height"));
  const listen = (event: CompareEvent, listener: () => void): void => {
    model.on(event, listener);
    signal.addEventListener("abort", () => model.off(event, listener), { once: true });
  };
  listen("change:height", () => {
    height.value = model.get("height");
  });
  listen("change:baseline", () => {
    comparison.baseline.value = model.get("baseline");
  });

  let shownRevision = -1;
  const channel = new Channel(model, {
    signal,
    onChanged: ({ revision }) => revision > shownRevision && refresh(),
    onSlow: (isSlow) => {
      if (comparison.kernel.peek() !== "gone") comparison.kernel.value = isSlow ? "busy" : "answering";
    },
  });
  const failed = (error: unknown): void => {
    if (error instanceof KernelGone) comparison.kernel.value = "gone";
    else comparison.failure.value = wordsOf(error);
  };
  const refresh = asking(async () => {
    try {
      const { reply, bytes } = await channel.compare(comparison.baseline.peek());
      shownRevision = reply.revision;
      comparison.show(JSON.parse(reply.head) as Head, decodeRuns(bytes));
    } catch (error) {
      failed(error);
    }
  }, signal);

  const stop = effect(() => {
    const [column, head] = [comparison.baseline.value, comparison.head.value];
    if (head === null || head.baseline === column) return;
    if (column !== model.get("baseline")) {
      model.set("baseline", column);
      model.save_changes();
    }
    refresh();
  });
  signal.addEventListener("abort", stop, { once: true });

  // The kernel says that a score has come.
  const judged = (words: string, kept: Promise<unknown>): void => {
    kept.then(() => {
      comparison.said.value = visibleName(words);
    }, failed);
  };
  const judge: Judge = {
    label: ({ traceId, spanId }, number) =>
      judged(labelWords(comparison.labels, number), channel.rate(traceId, spanId, number)),
    note: ({ traceId, spanId }, text) => judged(noteWords(text), channel.note(traceId, spanId, text)),
  };
  mountCompareView(el, { comparison, height, model, judge, signal });
  const watchKernel = (): void => {
    if (el.classList.contains(DISCONNECTED)) comparison.kernel.value = "gone";
    else refresh();
  };
  watchKernel();
  listen("comm_live_update", () => queueMicrotask(watchKernel));
}

export default { initialize, render };
