/**
 * A session in a file: answers a widget's requests from data in the page, as a kernel does over its comm.
 *
 * The tree is one Arrow stream; the spans' contents are some more, each of as many rows as fit a piece, so that what
 * nobody opens stays packed. Streams are gzip in base64, in script elements that no browser runs.
 */

import { fixedSizeBinary, type Table, tableFromArrays, tableFromIPC, tableToIPC, uint8, utf8 } from "@uwdata/flechette";
import { type Cancel, PROTOCOL_VERSION, type Request } from "./protocol.ts";

type Listener = (...values: never[]) => void;

/** Where a text was found, as `nbtrace/_query/search.py` says it. */
const PLACES: Record<string, number> = {
  system_instructions: 1,
  input_messages: 1,
  output_messages: 1,
  tool_definitions: 1,
  attributes: 2,
  name: 2,
  status_message: 2,
  resource: 2,
  scope: 2,
  events: 4,
};

export class FileModel {
  readonly isStill = true;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #traits: Record<string, unknown>;
  readonly #tree: Element;
  readonly #pieces: Element[];
  readonly #leftOut: string;
  readonly #cancelled = new Set<number>();

  /** Takes the element that holds the data's elements. */
  constructor(data: Element, traits: Record<string, unknown>) {
    this.#traits = traits;
    const [tree, ...pieces] = data.children;
    if (!tree) throw new Error("this page has no spans in it");
    this.#tree = tree;
    this.#pieces = pieces;
    this.#leftOut = (data as HTMLElement).dataset.leftOut ?? "";
  }

  get(name: string): never {
    return this.#traits[name] as never;
  }

  set(name: string, value: unknown): void {
    this.#traits[name] = value;
    this.#emit(`change:${name}`);
  }

  save_changes(): void {
    // There is nobody to tell.
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  send(content: unknown): void {
    const request = content as Request | Cancel;
    if (request.kind === "cancel") this.#cancelled.add(request.id);
    else void this.#answer(request);
  }

  async #answer(request: Request): Promise<void> {
    const head = { id: request.id, kind: request.kind, version: PROTOCOL_VERSION };
    try {
      const [more, bytes] = await this.#find(request);
      const isOver = this.#cancelled.delete(request.id);
      if (!isOver) this.#emit("msg:custom", { ...head, revision: 0, ...more }, [new DataView(bytes.buffer)]);
    } catch (error) {
      this.#emit("msg:custom", { ...head, error: error instanceof Error ? error.message : String(error) }, []);
    }
  }

  async #find(request: Request): Promise<[object, Uint8Array]> {
    switch (request.kind) {
      case "tree": {
        const { start, now } = (this.#tree as HTMLElement).dataset;
        return [{ start_unix_ms: Number(start), now_unix_ms: Number(now) }, await unpacked(this.#tree)];
      }
      case "span":
        return [
          { trace_id: request.trace_id, span_id: request.span_id, choice: 0, note: "" },
          await this.#span(request),
        ];
      case "search":
        return [{}, await this.#search(request.id, request.text)];
      default:
        throw new Error("A page without a kernel shows traces only.");
    }
  }

  async #span({ trace_id, span_id }: { trace_id: string; span_id: string }): Promise<Uint8Array> {
    for (const piece of this.#pieces) {
      if (!(piece as HTMLElement).dataset.spans?.includes(span_id)) continue;
      const table = tableFromIPC(await unpacked(piece));
      const [spans, traces] = [texts(table, "span_id"), texts(table, "trace_id")];
      const row = spans.findIndex((id, at) => id === span_id && traces[at] === trace_id);
      if (row >= 0) return oneRow(table, row);
    }
    throw new Error(`This span's content is not in the page. ${this.#leftOut}`.trim());
  }

  /** Looks for a text as it is and as JSON writes it, in any case. */
  async #search(id: number, text: string): Promise<Uint8Array> {
    const asked = [text, JSON.stringify(text).slice(1, -1)].map((one) => one.toLowerCase());
    const found = new Map<string, number>();
    for (const piece of this.#pieces) {
      if (this.#cancelled.has(id)) break;
      const table = tableFromIPC(await unpacked(piece));
      const [spans, traces] = [texts(table, "span_id"), texts(table, "trace_id")];
      for (const [name, place] of Object.entries(PLACES)) {
        texts(table, name).forEach((value, row) => {
          const whole = value?.toLowerCase();
          if (!whole || !asked.some((one) => whole.includes(one))) return;
          const key = `${traces[row]}${spans[row]}`;
          found.set(key, (found.get(key) ?? 0) | place);
        });
      }
    }
    const keys = [...found.keys()];
    return stream(
      {
        trace_id: keys.map((key) => bytesOf(key.slice(0, 32))),
        span_id: keys.map((key) => bytesOf(key.slice(32))),
        places: [...found.values()],
      },
      { trace_id: fixedSizeBinary(16), span_id: fixedSizeBinary(8), places: uint8() },
    );
  }

  #emit(event: string, ...values: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      (listener as (...values: unknown[]) => void)(...values);
    }
  }
}

/** Reads the stream that an element holds. */
async function unpacked(element: Element): Promise<Uint8Array> {
  const packed = Uint8Array.from(atob(element.textContent ?? ""), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function texts(table: Table, name: string): (string | null)[] {
  return Array.from(table.getChild(name) as Iterable<string | null>);
}

function oneRow(table: Table, row: number): Uint8Array {
  const names = table.schema.fields.map(({ name }) => name);
  return stream(
    Object.fromEntries(names.map((name) => [name, [table.getChild(name).at(row)]])),
    Object.fromEntries(names.map((name) => [name, utf8()])),
  );
}

function stream(columns: Record<string, unknown[]>, types: Record<string, unknown>): Uint8Array {
  const table = tableFromArrays(columns as never, { types: types as never });
  return (tableToIPC(table, { format: "stream" }) as Uint8Array).slice();
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
