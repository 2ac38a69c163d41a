/** A kernel in memory: anywidget's model as a widget sees it, answering from fixtures. Used by tests and the dev page. */

import type { TraceModel } from "../src/widgets/trace.ts";
import { PROTOCOL_VERSION, type Request } from "../src/wire/protocol.ts";

export interface Answers {
  tree: Uint8Array;
  /** By span id. */
  spans: Record<string, Uint8Array>;
}

type Listener = (...values: never[]) => void;

export class MemoryModel implements TraceModel {
  readonly sent: Request[] = [];
  readonly saved: (string | null)[] = [];
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #traits: Record<string, unknown> = { height: 480, selected_span: null, _slot: "nbtrace-slot" };
  revision = 0;
  answers: Answers;
  /** A busy kernel keeps requests until it is set free. */
  isBusy = false;
  /** A closed comm refuses to send. */
  isGone = false;
  #kept: Request[] = [];

  constructor(answers: Answers) {
    this.answers = answers;
  }

  get(name: "height"): number;
  get(name: "selected_span"): string | null;
  get(name: "_slot"): string;
  get(name: string): unknown {
    return this.#traits[name];
  }

  set(name: string, value: unknown): void {
    this.#traits[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes(): void {
    this.saved.push(this.get("selected_span"));
  }

  on(event: string, listener: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  emit(event: string, ...values: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as (...values: unknown[]) => void)(...values);
  }

  listenerCount(event: string): number {
    return this.#listeners.get(event)?.size ?? 0;
  }

  send(content: unknown): void {
    if (this.isGone) throw new Error("Cannot send");
    const request = content as Request;
    this.sent.push(request);
    if (this.isBusy) this.#kept.push(request);
    else queueMicrotask(() => this.#answer(request));
  }

  setFree(): void {
    this.isBusy = false;
    for (const request of this.#kept.splice(0)) this.#answer(request);
  }

  changed(answers: Answers): void {
    this.answers = answers;
    this.revision += 1;
    this.emit("msg:custom", { kind: "changed", version: PROTOCOL_VERSION, revision: this.revision }, []);
  }

  #answer(request: Request): void {
    const { id, kind } = request;
    const head = { id, kind, version: PROTOCOL_VERSION };
    const bytes = request.kind === "tree" ? this.answers.tree : this.answers.spans[request.span_id];
    if (!bytes) {
      this.emit("msg:custom", { ...head, error: "no such span" }, []);
      return;
    }
    // As in a real message, the buffer begins wherever it happens to.
    const message = new Uint8Array(bytes.length + 3);
    message.set(bytes, 3);
    const reply = request.kind === "tree" ? head : { ...head, span_id: request.span_id };
    this.emit("msg:custom", { ...reply, revision: this.revision }, [new DataView(message.buffer, 3)]);
  }
}
