import { type TypedArray, tableFromArrays, tableFromIPC, tableToIPC } from "@uwdata/flechette";
import { expect, test, vi } from "vitest";
import protocol from "../../../tests/fixtures/protocol.json";
import { MemoryModel } from "../../dev/memory-model.ts";
import type { Head } from "../../src/model/comparison.ts";
import type { Labels } from "../../src/model/labels.ts";
import widget, { type CompareModel } from "../../src/widgets/compare.ts";
import { PROTOCOL_VERSION, type Request } from "../../src/wire/protocol.ts";
import { fixture } from "./scene.ts";

interface Said {
  input: number;
  variant: number;
  output: string;
  cost?: number;
  isEstimated?: boolean;
  choice?: number;
  note?: string;
  scores?: Record<string, number>;
  error?: string;
}

/** A kernel that has a comparison. */
class ComparingModel extends MemoryModel {
  head: Head;
  said: Said[];
  readonly rated: Request[] = [];

  constructor(tree: Uint8Array, head: Head, said: Said[]) {
    super({ tree, spans: {} });
    this.head = head;
    this.said = said;
    this.set("baseline", 0);
  }

  override send(content: unknown): void {
    const request = content as Request;
    const head = { id: request.id, kind: request.kind, version: PROTOCOL_VERSION, revision: 0 };
    if (request.kind === "compare") {
      const reply = { ...head, head: JSON.stringify({ ...this.head, baseline: request.baseline }) };
      queueMicrotask(() => this.emit("msg:custom", reply, [new DataView(runs(this.said).buffer)]));
    } else if (request.kind === "rate" || request.kind === "note") {
      this.rated.push(request);
      queueMicrotask(() => this.emit("msg:custom", head, [new DataView(runs(this.said.slice(0, 1)).buffer)]));
    } else super.send(content);
  }
}

function runs(said: Said[]): Uint8Array {
  const texts = (value: (one: Said) => string): string[] => said.map(value);
  const numbers = (value: (one: Said) => number): TypedArray => Float64Array.from(said, value);
  const table = tableFromArrays({
    variant: Int32Array.from(said, ({ variant }) => variant),
    input: Int32Array.from(said, ({ input }) => input),
    output: texts(({ output }) => output),
    left_out: Int32Array.from(said, () => 0),
    state: texts(({ error }) => (error ? "error" : "over")),
    trace_id: texts(() => "0".repeat(32)),
    span_id: texts(({ input, variant }) => `${input}${variant}`.padStart(16, "0")),
    finish: texts(() => "stop"),
    error: texts(({ error }) => error ?? ""),
    cost_state: texts(() => "priced"),
    usage_state: texts(({ isEstimated }) => (isEstimated ? "estimated" : "reported")),
    cost_usd: numbers(({ cost }) => cost ?? 0.001),
    latency_s: numbers(() => 0.5),
    first_chunk_s: numbers(() => Number.NaN),
    input_tokens: numbers(() => 5),
    output_tokens: numbers(() => 7),
    choice: numbers(({ choice }) => choice ?? 0),
    note: texts(({ note }) => note ?? ""),
    scores: texts(({ scores }) => JSON.stringify(scores ?? {})),
  });
  return (tableToIPC(table, { format: "stream" }) as Uint8Array).slice();
}

const HEAD: Head = {
  title: "p · 2 variants · 2 inputs · 4 calls",
  baseline: 0,
  variants: ["Say {q}", "Say <b>{q}</b> twice"].map((template, at) => ({
    label: `v${at + 1}`,
    prompt: "p",
    version: String(at + 1),
    model: "m",
    settings: [],
    template,
  })),
  inputs: [[["q", "<img src=x onerror=alert(1)>"]], [["q", "two"]]],
  scores: [],
  sentences: ["v2 is cheaper by 50 % [50, 50] (2 inputs compared)"],
  measured: [],
};
const SAID: Said[] = [
  { input: 0, variant: 0, output: "one <script>alert(1)</script> \u202eevil" },
  { input: 0, variant: 1, output: "one and more", cost: 0.0005 },
  { input: 1, variant: 0, output: "two" },
  { input: 1, variant: 1, output: "two", cost: 0.002, isEstimated: true },
];

async function draw(said = SAID, head = HEAD, labels?: Labels): Promise<{ model: ComparingModel; root: ShadowRoot }> {
  const model = new ComparingModel(await fixture("tree.arrow"), head, said);
  model.set("_labels", labels);
  const el = document.createElement("div");
  el.style.width = "900px";
  document.body.replaceChildren(el);
  widget.render({ model: model as unknown as CompareModel, el, signal: new AbortController().signal });
  const root = el.firstElementChild?.shadowRoot as ShadowRoot;
  await vi.waitFor(() => expect(root.querySelectorAll("td.answer").length).toBeGreaterThan(0));
  return { model, root };
}

const texts = (root: ShadowRoot, selector: string): string[] =>
  Array.from(root.querySelectorAll<HTMLElement>(selector), (one) => one.innerText.trim());

const press = (root: ShadowRoot, key: string): void => {
  root.querySelector(".matrix")?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));
};

test("the runs are those of the protocol", () => {
  expect(
    tableFromIPC(runs(SAID))
      .schema.fields.map(({ name }) => name)
      .sort(),
  ).toEqual([...protocol.run_columns].sort());
});

test("answers stand beside each other with what they took against the baseline, as text whatever they are", async () => {
  const { root } = await draw();
  expect(texts(root, "td.answer .said")).toEqual([
    "one <script>alert(1)</script> ⟨U+202E⟩evil",
    "one and more",
    "two",
    "two",
  ]);
  expect(texts(root, "td.answer .delta")).toEqual(["−50 %", "+100 %"]);
  expect(texts(root, "td.answer .cell-facts li:first-child")).toEqual(["7 tok", "7 tok", "7 tok", "~7 tok"]);
  expect(texts(root, ".verdict li")).toEqual(HEAD.sentences);
  expect(texts(root, "tbody th")).toEqual(["<img src=x onerror=alert(1)>", "two"]);
  expect(root.querySelectorAll("script, img, b:not(.variant b)").length).toBe(0);
});

test("differences of answers and of templates are shown on request", async () => {
  const { root } = await draw();
  expect(root.querySelectorAll("ins, del").length).toBe(0);
  press(root, "t");
  await vi.waitFor(() => expect(texts(root, ".templates ins").join("")).toContain("twice"));
  press(root, "t");
  press(root, "d");
  await vi.waitFor(() => expect(texts(root, "td.answer del").join("")).toContain("script"));
  expect(texts(root, ".templates").length).toBe(0);
});

test("keys move, rate, set the baseline and filter, and the kernel is told", async () => {
  const { model, root } = await draw();
  press(root, "ArrowRight");
  press(root, "ArrowDown");
  press(root, "3");
  expect(model.rated).toMatchObject([{ kind: "rate", span_id: "0000000000000011", value: 3 }]);
  press(root, "b");
  await vi.waitFor(() => expect(texts(root, ".baseline")).toEqual(["baseline"]));
  expect(model.get("baseline" as never)).toBe(1);
  await vi.waitFor(() => expect(texts(root, "td.answer .delta")).toEqual(["+100 %", "−50 %"]));
  const regressed = Array.from(root.querySelectorAll<HTMLElement>(".filters button")).find(
    (one) => one.innerText === "Regressed",
  );
  regressed?.click();
  await vi.waitFor(() => expect(texts(root, "tbody th")).toEqual(["<img src=x onerror=alert(1)>"]));
});

test("labels of one's own and notes are given to answers, and stand in their cells", async () => {
  const said = SAID.map((one, at) => (at === 3 ? { ...one, choice: 2, note: "<b>why</b>" } : one));
  const { model, root } = await draw(said, HEAD, { name: "tone", words: ["kind", "rude"], isRating: false });
  expect(texts(root, "td.answer .note")).toEqual(["<b>why</b>"]);
  expect(texts(root, "td.answer .choice[aria-pressed=true]")).toEqual(["rude"]);
  press(root, "1");
  press(root, "3");
  press(root, "n");
  await vi.waitFor(() => expect(root.activeElement?.tagName).toBe("TEXTAREA"));
  const field = root.activeElement as HTMLTextAreaElement;
  field.value = "too long";
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true }));
  expect(model.rated).toMatchObject([
    { kind: "rate", span_id: "0000000000000000", value: 1 },
    { kind: "note", span_id: "0000000000000000", text: "too long" },
  ]);
  await vi.waitFor(() => expect(root.activeElement?.className).toBe("matrix"));
  await vi.waitFor(() => expect(texts(root, ".rated")).toEqual(["Note kept"]));
});

test("what is said by hand stands as the choice and not again as a score, whatever it is called", async () => {
  const said = SAID.map((one) => ({ ...one, scores: { tone: 0.25, latency: 0.75 } }));
  const { root } = await draw(
    said,
    { ...HEAD, scores: ["latency", "tone"] },
    { name: "tone", words: ["a", "b"], isRating: false },
  );
  const facts = texts(root, "td.answer .cell-facts")[0];
  expect(facts).toContain("score latency 0.75");
  expect(facts).not.toContain("0.25");
});

test("a thousand answers are drawn where they are looked at", async () => {
  const variants = Array.from(
    { length: 10 },
    (_, at) => ({ ...HEAD.variants[0], label: `v${at}` }) as Head["variants"][0],
  );
  const inputs = Array.from({ length: 100 }, (_, at) => [["q", `input ${at}`] as const]);
  const said = inputs.flatMap((_, input) => variants.map((_, variant) => ({ input, variant, output: `${input}` })));
  const { root } = await draw(said, { ...HEAD, variants, inputs });
  expect(root.querySelectorAll("tbody tr").length).toBe(100);
  expect(root.querySelectorAll("td.answer").length).toBeLessThan(500);
  root.querySelector(".matrix")?.scrollTo(0, 1e6);
  await vi.waitFor(() => expect(texts(root, "tbody tr:last-child .said")[0]).toBe("99"));
});

test("where every call has failed nothing is offered to choose rows by", async () => {
  const { root } = await draw(SAID.map((said) => ({ ...said, output: "", error: "RateLimitError" })));
  expect(texts(root, ".said.failed").length).toBe(SAID.length);
  expect(texts(root, ".by")).toEqual([]);
});
