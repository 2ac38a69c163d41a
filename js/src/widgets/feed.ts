/** Keeps an explorer supplied from the kernel: the tree on start and after each change, a span when it is opened. */

import { effect } from "@preact/signals";
import type { Explorer } from "../model/explorer.ts";
import { Channel, KernelGone, type MessageModel } from "../wire/channel.ts";
import { decodeSpan, decodeTree } from "../wire/decode.ts";

export interface Feed {
  /** Asks for the tree again, at once or after the answer that is on its way. */
  refresh: () => void;
}

export function feed(explorer: Explorer, model: MessageModel, signal: AbortSignal): Feed {
  let shownRevision = -1;
  let isAsking = false;
  let isStale = false;

  const channel = new Channel(model, {
    signal,
    onChanged: ({ revision }) => revision > shownRevision && refresh(),
    onSlow: (isSlow) => {
      if (explorer.kernel.peek() !== "gone") explorer.kernel.value = isSlow ? "busy" : "answering";
    },
  });

  const refresh = (): void => {
    isStale = true;
    if (!isAsking) void pull();
  };

  const pull = async (): Promise<void> => {
    isAsking = true;
    while (isStale && !signal.aborted) {
      isStale = false;
      try {
        const { reply, bytes } = await channel.tree();
        shownRevision = reply.revision;
        explorer.show(decodeTree(bytes));
        explorer.kernel.value = "answering";
      } catch (error) {
        if (error instanceof KernelGone) explorer.kernel.value = "gone";
        else explorer.failure.value = wordsOf(error);
      }
    }
    isAsking = false;
  };

  const open = async (spanId: string): Promise<void> => {
    const shown = explorer.detail.peek();
    if (shown.state !== "ready" || shown.span.spanId !== spanId) explorer.detail.value = { state: "loading" };
    try {
      const { bytes } = await channel.span(spanId);
      if (explorer.selected.peek() === spanId) explorer.detail.value = { state: "ready", span: decodeSpan(bytes) };
    } catch (error) {
      if (explorer.selected.peek() !== spanId) return;
      if (error instanceof KernelGone) explorer.kernel.value = "gone";
      explorer.detail.value = { state: "failed", spanId, message: wordsOf(error) };
    }
  };

  // An open span is asked for again with each newer tree for as long as it runs, and once more when it has ended.
  let askedFor = "";
  const stop = effect(() => {
    const spanId = explorer.selected.value;
    const tree = explorer.tree.value;
    if (spanId === null) {
      askedFor = "";
      return;
    }
    const row = explorer.rowOf(spanId);
    const isOver = row !== undefined && tree !== null && tree.durationMs.at(row) !== null;
    const asked = `${spanId} ${isOver ? "over" : shownRevision}`;
    if (asked === askedFor) return;
    askedFor = asked;
    void open(spanId);
  });
  signal.addEventListener("abort", stop, { once: true });

  return { refresh };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
