import { afterEach, expect, test, vi } from "vitest";
import { type Scene, scene } from "./scene.ts";

let shown: Scene | undefined;

async function show(options?: Parameters<typeof scene>[0]): Promise<Scene> {
  shown = await scene(options);
  return shown;
}

/** A scene whose tree has been drawn. */
async function showTree(options?: Parameters<typeof scene>[0]): Promise<Scene> {
  const opened = await show(options);
  await vi.waitFor(() => expect(opened.rows().length).toBe(11));
  return opened;
}

afterEach(() => shown?.controller.abort());

test("the header says what the trace holds", async () => {
  const { all } = await showTree();
  expect(all(".facts li").map((fact) => fact.innerText)).toEqual([
    "11 spans",
    "7 LLM calls",
    "4.14 s",
    "1,055 → 222 tokens",
    "~$0.00028",
    "1 estimated",
    "1 unpriced",
    "1 error",
    "1 running",
  ]);
});

test("a row says what its span took, sums marked as sums and unknown prices as unpriced", async () => {
  const { rows } = await showTree();
  const cells = [0, 4, 7, 8, 10].map((row) =>
    Array.from(rows()[row]?.querySelectorAll<HTMLElement>("[role=gridcell]") ?? [], (cell) => cell.innerText.trim()),
  );
  expect(cells).toEqual([
    [
      'cell [3]\nquestion = "What is the weather in Paris, and should I take an umbrella?"',
      "4.14 s",
      "∑ 1,055 → 222",
      "∑ ~$0.00028",
      "",
    ],
    ['chat gpt-4o-mini\nget_weather({"city":"Paris","days":1})', "770 ms", "412 → 31", "$0.000080", ""],
    ["chat smollm2-135m-instruct\nRainy Paris: take an umbrella.", "660 ms", "37 → 9", "unpriced", ""],
    ["chat gpt-4o\nRateLimitError\nAnd tomorrow?", "82.0 ms", "", "", ""],
    ["chat gpt-4o-mini", expect.stringMatching(/^[\d.]+ [mn]?s…$/), "", "", ""],
  ]);
});

test("the first words of an answer stand beside the name where there is room, and are cut, never the name", async () => {
  const { el, rows } = await showTree();
  const shownAt = async (width: number): Promise<boolean> => {
    el.style.width = `${width}px`;
    await new Promise(requestAnimationFrame);
    const [name, preview, words] = [".name", ".preview", ".preview bdi"].map((selector) =>
      rows()[6]?.querySelector(selector)?.getBoundingClientRect(),
    );
    expect(preview?.right).toBeLessThanOrEqual(name?.right ?? 0);
    return (words?.top ?? 0) < (preview?.bottom ?? 0);
  };
  expect([await shownAt(1280), await shownAt(700), await shownAt(320)]).toEqual([true, false, false]);
});

test("rows tell assistive technology where they are in the tree", async () => {
  const { rows, grid } = await showTree();
  const names = ["aria-level", "aria-posinset", "aria-setsize", "aria-expanded", "aria-rowindex"];
  expect([1, 3].map((row) => names.map((name) => rows()[row]?.getAttribute(name)))).toEqual([
    ["2", "1", "5", "true", "3"],
    ["3", "2", "5", null, "5"],
  ]);
  expect(grid().getAttribute("aria-rowcount")).toBe("12");
});

test("a click opens the conversation, and another closes it", async () => {
  const { rows, all, words, model } = await showTree();
  rows()[4]?.click();
  await vi.waitFor(() => expect(all(".message").length).toBe(3));
  expect(all(".message .role").map((role) => role.textContent)).toEqual(["system", "user", "assistant"]);
  expect(words(".message:nth-child(2) .text")).toBe("What is the weather in Paris, and should I take an umbrella?");
  expect(words(".subtitle")).toBe("gpt-4o-mini · 770 ms · tool_call");
  rows()[4]?.click();
  await vi.waitFor(() => expect(all(".detail").length).toBe(0));
  expect(model.saved).toEqual(["0000000000000005", null]);
});

test("keys move, collapse, open and close", async () => {
  const { grid, rows, all, press } = await showTree();
  grid().focus();
  press("ArrowDown", "ArrowLeft");
  await vi.waitFor(() => expect(rows().length).toBe(6));
  expect(grid().getAttribute("aria-activedescendant")).toBe(rows()[1]?.id);
  press("ArrowRight", "End", "Home", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowDown", "Enter");
  await vi.waitFor(() => expect(all(".message").length).toBe(3));
  press("Escape");
  await vi.waitFor(() => expect(all(".detail").length).toBe(0));
});

test("plain keys are kept from JupyterLab, and combinations are not", async () => {
  const { el, grid } = await showTree();
  const host = el.firstElementChild as HTMLElement;
  const kept: [string, boolean][] = [];
  const controller = new AbortController();
  // As JupyterLab does: at the document, on the way down, past elements that are marked.
  const listen = (event: KeyboardEvent) => kept.push([event.key, host.dataset.lmSuppressShortcuts === "true"]);
  document.addEventListener("keydown", listen, { capture: true, signal: controller.signal });
  for (const init of [
    { key: "ArrowDown" },
    { key: "s", ctrlKey: true },
    { key: "d" },
    { key: "Enter", shiftKey: true },
  ]) {
    grid().dispatchEvent(new KeyboardEvent("keydown", { ...init, bubbles: true, composed: true }));
  }
  controller.abort();
  expect(kept).toEqual([
    ["ArrowDown", true],
    ["s", false],
    ["d", true],
    ["Enter", false],
  ]);
});

test("the selection can be set from Python", async () => {
  const { model, words } = await showTree();
  model.set("selected_span", "0000000000000008");
  await vi.waitFor(() => expect(words(".message.role-answer .text")).toBe("Rainy Paris: take an umbrella."));
});

test("a cell shows its source, and a prompt its version and variables", async () => {
  const { rows, words, all } = await showTree();
  rows()[0]?.click();
  await vi.waitFor(() => expect(words(".section .code")).toContain("answer = agent.run(question)"));
  rows()[7]?.click();
  await vi.waitFor(() => expect(all(".tab").map((tab) => tab.innerText)).toEqual(["Messages", "Details", "Raw"]));
  all(".tab")[1]?.click();
  await vi.waitFor(() => expect(words(".section dl")).toContain("summarise"));
  expect(words(".section dl")).toContain("{words}");
});

test("a failed span says why", async () => {
  const { rows, words } = await showTree();
  rows()[8]?.click();
  await vi.waitFor(() => expect(words(".status-message")).toBe("Rate limit reached for gpt-4o: try again in 20 s"));
});

test("an error of the kernel is shown in its words", async () => {
  const { model, words } = await showTree();
  model.set("selected_span", "00000000000000ff");
  await vi.waitFor(() => expect(words(".detail [role=alert]")).toBe("no such span"));
});

test("messages are raw until Rendered is asked for", async () => {
  const { rows, words, all } = await showTree();
  rows()[6]?.click();
  await vi.waitFor(() => expect(words(".role-answer .text")).toContain("**14 °C**"));
  all(".tabs .toggle")[0]?.click();
  await vi.waitFor(() => expect(words(".role-answer .rendered strong")).toBe("14 °C"));
  const link = all(".role-answer .rendered a")[0] as HTMLAnchorElement;
  expect([link.href, link.rel, link.target]).toEqual(["https://example.org/paris", "noopener noreferrer", "_blank"]);
});

test("hostile text runs nothing and loads nothing, raw or rendered, in any view", async () => {
  const { rows, all, words, root } = await showTree();
  rows()[9]?.click();
  await vi.waitFor(() => expect(words(".role-answer .text")).toContain("<script>"));
  all(".tab")[1]?.click();
  await vi.waitFor(() => expect(all(".section").length).toBeGreaterThan(0));
  all(".tab")[0]?.click();
  await vi.waitFor(() => expect(all(".tabs .toggle").length).toBe(1));
  all(".tabs .toggle")[0]?.click();
  await vi.waitFor(() => expect(words(".role-answer .rendered")).toContain("<script>"));
  expect(root.querySelectorAll("script, img, form, input, iframe, link, .rendered style").length).toBe(0);
  expect(all(".rendered a[href]")).toEqual([]);
  expect(Reflect.get(globalThis, "pwned")).toBeUndefined();
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  expect(loaded.filter((name) => name.includes("tracker.invalid"))).toEqual([]);
});

test("a busy kernel is called busy, and its late answer is drawn", async () => {
  const { model, words, rows } = await show({
    setUp: (busy) => {
      busy.isBusy = true;
    },
  });
  await vi.waitFor(() => expect(words(".notice")).toMatch(/^Kernel busy/));
  model.setFree();
  await vi.waitFor(() => expect(rows().length).toBe(11));
  expect(words(".notice")).toBe("");
});

test("without a kernel a plain sentence says so, until there is one", async () => {
  const { el, model, words, rows } = await show({
    setUp: (_, view) => view.classList.add("jupyter-widgets-disconnected"),
  });
  await vi.waitFor(() => expect(words(".notice")).toBe("No kernel. Run the cell again to look into this trace."));
  expect(model.sent).toEqual([]);
  el.classList.remove("jupyter-widgets-disconnected");
  model.emit("comm_live_update");
  await vi.waitFor(() => expect(rows().length).toBe(11));
});

test("a comm that closes leaves the tree and a plain sentence", async () => {
  const { model, words, rows, all } = await showTree();
  model.isGone = true;
  model.emit("comm_live_update");
  await vi.waitFor(() => expect(words(".notice")).toMatch(/^No kernel/));
  rows()[4]?.click();
  await vi.waitFor(() => expect(words(".detail [role=alert]")).toBe("the kernel is gone"));
  expect([rows().length, all(".plain[role=alert]").length]).toEqual([11, 1]);
});

test("a change redraws the tree and keeps the open span and the place", async () => {
  const { model, grid, rows, words, all } = await showTree({ setUp: (short) => short.set("height", 160) });
  rows()[7]?.click();
  await vi.waitFor(() => expect(all(".message").length).toBe(2));
  grid().scrollTop = 100;
  const { length } = model.sent;
  model.changed(model.answers);
  await vi.waitFor(() => expect(model.sent.length).toBe(length + 1));
  await vi.waitFor(() => expect(grid().scrollTop).toBe(100));
  expect([words(".title .label"), all(".message").length]).toEqual(["chat smollm2-135m-instruct", 2]);
});

test("pushes during a pull lead to one more pull, not to one each", async () => {
  const { model } = await showTree();
  const { length } = model.sent;
  model.isBusy = true;
  model.changed(model.answers);
  await vi.waitFor(() => expect(model.sent.length).toBe(length + 1));
  for (let push = 0; push < 5; push++) model.changed(model.answers);
  model.setFree();
  await vi.waitFor(() => expect(model.sent.length).toBe(length + 2));
  await new Promise(requestAnimationFrame);
  expect(model.sent.length).toBe(length + 2);
});

test("the panel is below the tree where it is narrow", async () => {
  for (const [width, isBelow] of [
    ["1000px", false],
    ["480px", true],
  ] as const) {
    const { rows, all, grid } = await showTree({ width });
    rows()[4]?.click();
    await vi.waitFor(() => expect(all(".message").length).toBe(3));
    const panel = all(".detail")[0]?.getBoundingClientRect();
    expect((panel?.top ?? 0) >= grid().getBoundingClientRect().bottom).toBe(isBelow);
    shown?.controller.abort();
  }
});

test("no label of the time axis is cut or reaches into another, however narrow it is", async () => {
  const { el, rows, all } = await showTree();
  const shownAt = async (width: number): Promise<number> => {
    el.style.width = `${width}px`;
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    const end = all(".axis")[0]?.getBoundingClientRect().right ?? 0;
    const labels = all(".tick b").filter((label) => label.style.visibility !== "hidden");
    const boxes = labels.map((label) => label.getBoundingClientRect());
    const free = [...boxes.slice(1).map(({ left }) => left), end];
    expect(boxes.filter(({ right }, at) => right > (free[at] ?? 0))).toEqual([]);
    return labels.length;
  };
  const counts = [await shownAt(1280), await shownAt(900), await shownAt(700), await shownAt(320)];
  rows()[4]?.click();
  await vi.waitFor(() => expect(all(".detail").length).toBe(1));
  counts.push(await shownAt(1000));
  expect(Math.min(...counts)).toBeGreaterThan(0);
  expect(counts[3]).toBeLessThan(counts[0] ?? 0);
});

test("the cursor's row is in sight, also when it is given at the start", async () => {
  const { grid, rows, press } = await showTree({
    setUp: (short) => {
      short.set("height", 160);
      short.set("selected_span", "000000000000000a");
    },
  });
  const isInSight = (row: number): boolean => {
    const box = rows()[row]?.getBoundingClientRect();
    const heading = grid().getBoundingClientRect().top + 24;
    return box !== undefined && box.top >= heading - 1 && box.bottom <= grid().getBoundingClientRect().bottom + 1;
  };
  await vi.waitFor(() => expect([isInSight(9), isInSight(0)]).toEqual([true, false]));
  press("Home");
  await vi.waitFor(() => expect([isInSight(9), isInSight(0)]).toEqual([false, true]));
});

test("removing the view leaves no element and no question to the kernel", async () => {
  const { el, model, controller } = await showTree();
  controller.abort();
  const { length } = model.sent;
  model.changed(model.answers);
  model.set("selected_span", "0000000000000008");
  await new Promise(requestAnimationFrame);
  expect([el.childElementCount, model.listenerCount("msg:custom"), model.sent.length]).toEqual([0, 0, length]);
});
