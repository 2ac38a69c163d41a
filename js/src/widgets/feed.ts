/** Keeps an explorer supplied from the kernel: the tree, a span when it is opened, where a text is. */

import { effect } from "@preact/signals";
import type { Explorer, SpanKey } from "../model/explorer.ts";
import { labelWords, noteWords, UNJUDGED } from "../model/labels.ts";
import { Channel, KernelGone, type MessageModel } from "../wire/channel.ts";
import { decodeFound, decodePreviews, decodeSpan, decodeTree } from "../wire/decode.ts";
import { asking, wordsOf } from "./asking.ts";

export interface Feed {
  /** Asks for the tree again, at once or after the answer that is on its way. */
  refresh: () => void;
}

/** Milliseconds without a key after which a text is looked for in the kernel. */
const TYPING_PAUSE_MS = 120;

/** How often a running span grows while there is no newer tree. */
const TICK_MS = 500;

export function feed(explorer: Explorer, model: MessageModel, signal: AbortSignal): Feed {
  let shownRevision = -1;
  /** What makes this page's clock the kernel's. */
  let clockOffset = 0;

  const channel = new Channel(model, {
    signal,
    onChanged: ({ revision }) => revision > shownRevision && refresh(),
    onSlow: (isSlow) => {
      if (explorer.kernel.peek() !== "gone") explorer.kernel.value = isSlow ? "busy" : "answering";
    },
  });

  const refresh = asking(async () => {
    try {
      const { reply, bytes } = await channel.tree();
      shownRevision = reply.revision;
      clockOffset = reply.now_unix_ms - reply.start_unix_ms - performance.now();
      explorer.show(decodeTree(bytes, reply.start_unix_ms, reply.now_unix_ms));
      explorer.kernel.value = "answering";
    } catch (error) {
      if (error instanceof KernelGone) explorer.kernel.value = "gone";
      else explorer.failure.value = wordsOf(error);
    }
  }, signal);

  const open = async (key: SpanKey): Promise<void> => {
    const shown = explorer.detail.peek();
    if (shown.state !== "ready" || shown.span.spanId !== key.spanId) {
      explorer.detail.value = { state: "loading" };
      explorer.judging.judgement.value = UNJUDGED;
    }
    const isSelected = (): boolean => explorer.selected.peek()?.spanId === key.spanId;
    try {
      const { reply, bytes } = await channel.span(key.traceId, key.spanId);
      if (!isSelected()) return;
      explorer.detail.value = { state: "ready", span: decodeSpan(bytes) };
      explorer.judging.judgement.value = { choice: reply.choice, note: reply.note };
    } catch (error) {
      if (!isSelected()) return;
      if (error instanceof KernelGone) explorer.kernel.value = "gone";
      explorer.detail.value = { state: "failed", key, message: wordsOf(error) };
    }
  };

  const judged = async (key: SpanKey, words: string, kept: Promise<unknown>): Promise<void> => {
    try {
      await kept;
      explorer.judging.rated.value = words;
      if (explorer.selected.peek()?.spanId === key.spanId) await open(key);
    } catch (error) {
      if (error instanceof KernelGone) explorer.kernel.value = "gone";
      else explorer.judging.rated.value = wordsOf(error);
    }
  };
  const { labels } = explorer.judging;
  if (labels) {
    explorer.judging.judge = {
      label: (key, number) =>
        void judged(key, labelWords(labels, number), channel.rate(key.traceId, key.spanId, number)),
      note: (key, text) => void judged(key, noteWords(text), channel.note(key.traceId, key.spanId, text)),
    };
  }

  // An open span is asked for again with each newer tree for as long as it runs, and once more when it has ended.
  let askedFor = "";
  const stopOpening = effect(() => {
    const key = explorer.selected.value;
    const tree = explorer.tree.value;
    if (key === null || tree === null) {
      askedFor = "";
      return;
    }
    const isOver = !Number.isNaN(tree.durationMs[explorer.cursor.value] ?? Number.NaN);
    const asked = `${key.traceId} ${key.spanId} ${isOver ? "over" : shownRevision}`;
    if (asked === askedFor) return;
    askedFor = asked;
    void open(key);
  });

  // What goes on grows from one tree to the next.
  const stopTicking = effect(() => {
    if (model.isStill || !explorer.time.isGoing.value || explorer.kernel.value === "gone") return undefined;
    const tick = (): void => {
      explorer.time.nowMs.value = performance.now() + clockOffset;
    };
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  });

  const preview = asking(async () => {
    const wanted = explorer.previews.wanted.peek();
    if (!wanted) return;
    try {
      const { bytes } = await channel.preview(wanted.keys);
      explorer.previews.take(wanted, decodePreviews(bytes));
    } catch (error) {
      if (error instanceof KernelGone) explorer.kernel.value = "gone";
      explorer.previews.take(wanted, null);
    }
  }, signal);

  // A page without a kernel has all the words that there are.
  const stopPreviewing = effect(() => {
    if (!model.isStill && explorer.previews.wanted.value) preview();
  });

  const look = async (text: string, ended: AbortSignal): Promise<void> => {
    explorer.finding.search.value = { state: "asked" };
    try {
      const { bytes } = await channel.search(text, ended);
      explorer.finding.found.value = decodeFound(bytes);
      explorer.finding.search.value = { state: "idle" };
    } catch (error) {
      if (error instanceof KernelGone) explorer.kernel.value = "gone";
      explorer.finding.search.value = { state: "failed", message: wordsOf(error) };
    }
  };

  // A newer tree is searched again: what it has more may have the text too.
  const stopLooking = effect(() => {
    const text = explorer.finding.text.value.trim();
    if (!text || !explorer.tree.value) return undefined;
    const ended = new AbortController();
    const pause = setTimeout(() => void look(text, ended.signal), TYPING_PAUSE_MS);
    return () => {
      clearTimeout(pause);
      ended.abort();
    };
  });

  signal.addEventListener(
    "abort",
    () => {
      stopOpening();
      stopTicking();
      stopPreviewing();
      stopLooking();
    },
    { once: true },
  );
  return { refresh };
}
