/**
 * Requests and replies over a widget's custom messages.
 *
 * A request is never given up: a kernel that runs a cell may answer minutes later. While one has waited for long the
 * channel says so. Replies reach every view of every browser on the notebook, so ids start at a random number and a
 * reply that nobody here asked for is ignored.
 */

import {
  type Cancel,
  type Changed,
  type CompareReply,
  isChanged,
  isError,
  isReply,
  type NoteReply,
  PROTOCOL_VERSION,
  type PreviewReply,
  type RateReply,
  type Reply,
  type Request,
  type SearchReply,
  type SpanReply,
  type TreeReply,
} from "./protocol.ts";

/** What a channel needs of anywidget's model. */
export interface MessageModel {
  /** Whether time stands still, as in a file: what ran when it was written goes on no more. */
  readonly isStill?: boolean;
  send(content: unknown): void;
  on(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
}

export interface Answer<R extends Reply = Reply> {
  reply: R;
  bytes: Uint8Array;
}

export interface ChannelOptions {
  signal: AbortSignal;
  onChanged: (message: Changed) => void;
  /** Called with true when a request has waited for `slowAfterMs`, with false when none has any more. */
  onSlow: (isSlow: boolean) => void;
  slowAfterMs?: number;
}

interface Pending {
  kind: string;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** An error that the kernel put into words for the user. */
export class KernelError extends Error {}

/** There is no kernel to ask, and no use in waiting. */
export class KernelGone extends Error {}

export class Channel {
  readonly #model: MessageModel;
  readonly #options: ChannelOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #slow = new Set<number>();
  #lastId = Math.floor(Math.random() * 2 ** 48);

  constructor(model: MessageModel, options: ChannelOptions) {
    this.#model = model;
    this.#options = options;
    model.on("msg:custom", this.#receive);
    options.signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  tree(): Promise<Answer<TreeReply>> {
    return this.#request({ id: this.#nextId(), kind: "tree", version: PROTOCOL_VERSION });
  }

  span(traceId: string, spanId: string): Promise<Answer<SpanReply>> {
    return this.#request({
      id: this.#nextId(),
      kind: "span",
      version: PROTOCOL_VERSION,
      trace_id: traceId,
      span_id: spanId,
    });
  }

  /** Asks for the first words of spans, each given as trace id and span id in hex. */
  preview(spans: readonly string[]): Promise<Answer<PreviewReply>> {
    return this.#request({ id: this.#nextId(), kind: "preview", version: PROTOCOL_VERSION, spans: spans.join("") });
  }

  compare(baseline: number): Promise<Answer<CompareReply>> {
    return this.#request({ id: this.#nextId(), kind: "compare", version: PROTOCOL_VERSION, baseline });
  }

  rate(traceId: string, spanId: string, value: number): Promise<Answer<RateReply>> {
    return this.#request({
      id: this.#nextId(),
      kind: "rate",
      version: PROTOCOL_VERSION,
      trace_id: traceId,
      span_id: spanId,
      value,
    });
  }

  note(traceId: string, spanId: string, text: string): Promise<Answer<NoteReply>> {
    return this.#request({
      id: this.#nextId(),
      kind: "note",
      version: PROTOCOL_VERSION,
      trace_id: traceId,
      span_id: spanId,
      text,
    });
  }

  /** Asks which spans have a text; once the signal aborts the kernel may stop looking, and nothing is answered. */
  search(text: string, signal: AbortSignal): Promise<Answer<SearchReply>> {
    const id = this.#nextId();
    const answer = this.#request<SearchReply>({ id, kind: "search", version: PROTOCOL_VERSION, text });
    signal.addEventListener("abort", () => this.#cancel(id), { once: true });
    return answer;
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #request<R extends Reply>(request: Request): Promise<Answer<R>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#markSlow(request.id), this.#options.slowAfterMs ?? 2000);
      this.#pending.set(request.id, { kind: request.kind, resolve: resolve as Pending["resolve"], reject, timer });
      this.#send(request);
    });
  }

  #send(request: Request | Cancel): void {
    try {
      this.#model.send(request);
    } catch {
      // A comm that is closed refuses at once.
      this.#settle(request.id)?.reject(new KernelGone("the kernel is gone"));
    }
  }

  #cancel(id: number): void {
    if (this.#settle(id)) this.#send({ id, kind: "cancel", version: PROTOCOL_VERSION });
  }

  readonly #receive = (content: unknown, buffers: DataView[]): void => {
    if (isChanged(content)) {
      this.#options.onChanged(content);
    } else if (isError(content)) {
      this.#settle(content.id)?.reject(new KernelError(content.error));
    } else if (isReply(content)) {
      const pending = this.#settle(content.id);
      const buffer = buffers[0];
      if (!buffer) pending?.reject(new KernelError("the kernel's reply came without its buffer"));
      else if (pending?.kind !== content.kind) pending?.reject(new KernelError("the kernel answered something else"));
      else pending.resolve({ reply: content, bytes: aligned(buffer) });
    }
  };

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    if (this.#slow.delete(id) && this.#slow.size === 0) this.#options.onSlow(false);
    return pending;
  }

  #markSlow(id: number): void {
    this.#slow.add(id);
    if (this.#slow.size === 1) this.#options.onSlow(true);
  }

  #close(): void {
    this.#model.off("msg:custom", this.#receive);
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }
}

/**
 * Returns the bytes of a buffer at an address where typed arrays of eight bytes can begin.
 *
 * Hosts hand over a view into the whole message, at any offset; Shiny hands over an ArrayBuffer.
 */
export function aligned(buffer: DataView | ArrayBuffer | Uint8Array): Uint8Array {
  const bytes =
    buffer instanceof ArrayBuffer
      ? new Uint8Array(buffer)
      : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}
