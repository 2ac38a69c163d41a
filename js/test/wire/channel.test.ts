import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MemoryModel } from "../../dev/memory-model.ts";
import { Channel } from "../../src/wire/channel.ts";
import { fixture, START } from "../fixtures.ts";

let model: MemoryModel;
let controller: AbortController;
let events: unknown[];
let channel: Channel;

beforeEach(() => {
  vi.useFakeTimers();
  model = new MemoryModel({ tree: fixture("tree.arrow"), spans: {} });
  controller = new AbortController();
  events = [];
  channel = new Channel(model, {
    signal: controller.signal,
    onChanged: ({ revision }) => events.push(`changed ${revision}`),
    onSlow: (isSlow) => events.push(isSlow ? "slow" : "answered"),
  });
});

afterEach(() => {
  vi.useRealTimers();
});

test("a request gets its own reply", async () => {
  const { reply, bytes } = await channel.tree();
  expect(reply).toEqual({
    id: model.sent[0]?.id,
    kind: "tree",
    version: 3,
    revision: 0,
    start_unix_ms: START,
    now_unix_ms: START + model.nowMs,
  });
  expect(bytes).toEqual(fixture("tree.arrow"));
  expect(events).toEqual([]);
});

test("an error is the kernel's words", async () => {
  await expect(channel.span("0af7", "00ff")).rejects.toThrow("no such span");
});

test("replies to others and messages of unknown kind are ignored", async () => {
  const answer = channel.tree();
  model.emit("msg:custom", { id: 1, kind: "tree", version: 3, revision: 9 }, [new DataView(new ArrayBuffer(8))]);
  model.emit("msg:custom", { kind: "confetti" }, []);
  model.emit("msg:custom", "not a message", []);
  expect((await answer).reply.revision).toBe(0);
});

test("a busy kernel is told of after two seconds and its answer is still taken", async () => {
  model.isBusy = true;
  const answers = Promise.all([channel.tree(), channel.tree()]);
  await vi.advanceTimersByTimeAsync(1999);
  expect(events).toEqual([]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(events).toEqual(["slow"]);
  model.setFree();
  expect((await answers).length).toBe(2);
  expect(events).toEqual(["slow", "answered"]);
});

test("a search that is withdrawn is cancelled, once, and never answered", async () => {
  model.isBusy = true;
  const ended = new AbortController();
  const answered = vi.fn();
  void channel.search("umbrella", ended.signal).then(answered, answered);
  ended.abort();
  const id = model.sent[0]?.id;
  expect(model.sent).toEqual([
    { id, kind: "search", version: 3, text: "umbrella" },
    { id, kind: "cancel", version: 3 },
  ]);
  model.emit("msg:custom", { id, kind: "search", version: 3, revision: 0 }, [new DataView(new ArrayBuffer(8))]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([answered.mock.calls.length, events]).toEqual([0, []]);
});

test("a search that has been answered is not cancelled", async () => {
  const ended = new AbortController();
  await channel.search("umbrella", ended.signal);
  ended.abort();
  expect(model.sent.length).toBe(1);
});

test("an answer of another kind is refused", async () => {
  model.isBusy = true;
  const answer = channel.tree();
  const id = model.sent[0]?.id;
  model.emit("msg:custom", { id, kind: "span", version: 3, revision: 0 }, [new DataView(new ArrayBuffer(8))]);
  await expect(answer).rejects.toThrow("the kernel answered something else");
});

test("a push is passed on", () => {
  model.changed(model.answers);
  expect(events).toEqual(["changed 1"]);
});

test("closing leaves no listener and no timer", () => {
  model.isBusy = true;
  void channel.tree();
  controller.abort();
  expect([model.listenerCount("msg:custom"), vi.getTimerCount()]).toEqual([0, 0]);
});
