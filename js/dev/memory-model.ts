/** A kernel in memory: anywidget's model as a widget sees it, answering from fixtures. Used by tests and the dev page. */

import { fixedSizeBinary, tableFromArrays, tableFromIPC, tableToIPC, uint8, utf8 } from "@uwdata/flechette";
import { type Judgement, type Labels, UNJUDGED } from "../src/model/labels.ts";
import type { TraceModel } from "../src/widgets/trace.ts";
import { type Cancel, PROTOCOL_VERSION, type Request } from "../src/wire/protocol.ts";

export interface Answers {
  tree: Uint8Array;
  /** By span id. */
  spans: Record<string, Uint8Array>;
}

const START = 1_790_000_000_000;

type Listener = (...values: never[]) => void;

export class MemoryModel implements TraceModel {
  readonly sent: (Request | Cancel)[] = [];
  readonly saved: (string | null | undefined)[] = [];
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #traits: Record<string, unknown> = {
    height: 480,
    selected_span: null,
    selected_trace: null,
    _slot: "nbtrace-slot",
    _view: "tree",
    _labels: { name: "rating", words: ["1", "2", "3", "4", "5"], isRating: true },
  };
  revision = 0;
  answers: Answers;
  /** What was said by hand, by span id. */
  readonly judgements: Record<string, Judgement> = {};
  /** The kernel's clock, in milliseconds after the earliest start. */
  nowMs = 0;
  /** A busy kernel keeps requests until it is set free. */
  isBusy = false;
  /** A closed comm refuses to send. */
  isGone = false;
  #kept: Request[] = [];

  constructor(answers: Answers) {
    this.answers = answers;
  }

  get(name: "height"): number;
  get(name: "selected_span" | "selected_trace"): string | null;
  get(name: "_slot" | "_view"): string;
  get(name: "_kernel"): string | undefined;
  get(name: "_labels"): Labels | null;
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
    const request = content as Request | Cancel;
    this.sent.push(request);
    if (request.kind === "cancel") this.#kept = this.#kept.filter(({ id }) => id !== request.id);
    else if (this.isBusy) this.#kept.push(request);
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
    const head = { id, kind, version: PROTOCOL_VERSION, revision: this.revision };
    switch (request.kind) {
      case "tree":
        this.#reply({ ...head, start_unix_ms: START, now_unix_ms: START + this.nowMs }, this.answers.tree);
        return;
      case "search":
        this.#reply(head, found(this.answers, request.text));
        return;
      case "preview":
        this.#reply(head, noWords());
        return;
      case "span": {
        const bytes = this.answers.spans[request.span_id];
        const key = { trace_id: request.trace_id, span_id: request.span_id };
        if (bytes) this.#reply({ ...head, ...key, ...(this.judgements[request.span_id] ?? UNJUDGED) }, bytes);
        else this.emit("msg:custom", { ...head, error: "no such span" }, []);
        return;
      }
      case "rate":
      case "note": {
        const before = this.judgements[request.span_id] ?? UNJUDGED;
        const said = request.kind === "rate" ? { choice: request.value } : { note: request.text };
        this.judgements[request.span_id] = { ...before, ...said };
        this.#reply(head, this.answers.tree);
        return;
      }
      default:
        this.emit("msg:custom", { ...head, error: "no such request" }, []);
    }
  }

  #reply(reply: object, bytes: Uint8Array): void {
    // As in a real message, the buffer begins wherever it happens to.
    const message = new Uint8Array(bytes.length + 3);
    message.set(bytes, 3);
    this.emit("msg:custom", reply, [new DataView(message.buffer, 3)]);
  }
}

function noWords(): Uint8Array {
  const types = { trace_id: fixedSizeBinary(16), span_id: fixedSizeBinary(8), summary: utf8() };
  return tableToIPC(tableFromArrays({ trace_id: [], span_id: [], summary: [] }, { types }), {
    format: "stream",
  }) as Uint8Array;
}

/** Looks for a text in all that is known of the spans, as the kernel does in messages, attributes and events. */
function found({ tree, spans }: Answers, text: string): Uint8Array {
  const rows = tableFromIPC(tree);
  const [spanIds, traceIds] = [rows.getChild("span_id"), rows.getChild("trace_id")];
  const known = new Map(
    Object.entries(spans).map(([id, bytes]) => [id, JSON.stringify(tableFromIPC(bytes).toArray())]),
  );
  const asked = JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1).toLowerCase();
  const hits = Array.from({ length: rows.numRows }, (_, row) => row).filter((row) =>
    known
      .get(hex(spanIds.at(row) as Uint8Array))
      ?.toLowerCase()
      .includes(asked),
  );
  return tableToIPC(
    tableFromArrays(
      {
        trace_id: hits.map((row) => traceIds.at(row)),
        span_id: hits.map((row) => spanIds.at(row)),
        places: hits.map(() => 1),
      },
      { types: { trace_id: traceIds.type, span_id: spanIds.type, places: uint8() } },
    ),
    { format: "stream" },
  ) as Uint8Array;
}

/** Takes a table of many spans apart into what a kernel answers for each. */
export function spansOf(bytes: Uint8Array): Record<string, Uint8Array> {
  const table = tableFromIPC(bytes);
  const names = table.schema.fields.map(({ name }) => name);
  const types = Object.fromEntries(names.map((name) => [name, utf8()]));
  return Object.fromEntries(
    Array.from({ length: table.numRows }, (_, row) => {
      const values = Object.fromEntries(names.map((name) => [name, [table.getChild(name).at(row)]]));
      const span = tableToIPC(tableFromArrays(values, { types }), { format: "stream" }) as Uint8Array;
      return [String(table.getChild("span_id").at(row)), span];
    }),
  );
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
