import axe from "axe-core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { decodeTree } from "../../src/wire/decode.ts";
import { type Scene, scene } from "./scene.ts";

let shown: Scene | undefined;

afterEach(() => shown?.controller.abort());

async function show(options?: Parameters<typeof scene>[0]): Promise<Scene> {
  const opened = await scene(options);
  shown = opened;
  await vi.waitFor(() => expect(opened.rows().length).toBeGreaterThan(0));
  return opened;
}

const list = (): Promise<Scene> => show({ shown: "session", setUp: (model) => model.set("_view", "list") });
const names = ({ rows }: Scene): string[] =>
  rows().map((row) => row.querySelector<HTMLElement>(".label")?.innerText ?? "");

describe("the list of traces", () => {
  test("has the latest run of each cell, its earlier runs folded below it", async () => {
    const opened = await list();
    expect(names(opened)).toEqual(["cell [8]", "nightly evaluation", "cell [7]", "cell [6]", "cell [5]"]);
    opened.grid().focus();
    opened.press("End", " ");
    await vi.waitFor(() => expect(names(opened).slice(4)).toEqual(["cell [5]", "run 2", "run 1"]));
  });

  test("is sorted by what one clicks on", async () => {
    const opened = await list();
    opened
      .all(".sorter")
      .find((button) => button.innerText === "Cost")
      ?.click();
    await vi.waitFor(() => expect(names(opened)[0]).toBe("cell [7]"));
    expect(opened.all("[aria-sort=descending]").map((head) => head.innerText)).toEqual(["Cost"]);
  });

  test("shows, when asked, only the traces in which a model was called, and says so", async () => {
    const opened = await show({
      shown: "session",
      setUp: (model) => {
        const { parent, flags } = decodeTree(model.answers.tree, 0);
        flags.fill(0, parent.lastIndexOf(-1)); // in the stream's own memory: the last cell has called no model
        model.set("_view", "list");
      },
    });
    const button = opened.all(".filters button")[0];
    button?.click();
    await vi.waitFor(() => expect(names(opened)).toEqual(["nightly evaluation", "cell [7]", "cell [6]", "cell [5]"]));
    expect([button?.innerText, button?.ariaPressed]).toEqual(["With LLM calls", "true"]);
    expect(opened.words(".match-line [role=status]")).toBe("6 of 7 traces have LLM calls");
    opened.all(".match-tools button")[0]?.click();
    await vi.waitFor(() => expect(names(opened).length).toBe(5));
  });

  test("opens a trace, the keys go along, and Python hears of it; Escape leads back", async () => {
    const opened = await list();
    opened.grid().focus();
    opened.press("ArrowDown", "ArrowDown", "Enter");
    await vi.waitFor(() => expect(opened.words(".crumb")).toBe("cell [7]"));
    expect([opened.grid().getAttribute("aria-label"), opened.root.activeElement === opened.grid()]).toEqual([
      "Spans",
      true,
    ]);
    expect(opened.model.get("selected_trace")).toBe("a11ce000000000000000000000000005");
    opened.press("Escape");
    await vi.waitFor(() => expect(opened.grid().getAttribute("aria-label")).toBe("Traces"));
    expect(opened.model.get("selected_trace")).toBeNull();
  });
});

describe("finding", () => {
  test("a text is found in names at once and in messages by the kernel, and counted", async () => {
    const opened = await show();
    opened.grid().focus();
    opened.press("/");
    await vi.waitFor(() => expect(opened.all("input[type=search]").length).toBe(1));
    opened.type("umbrella");
    await vi.waitFor(() =>
      expect(opened.words(".match-line [role=status]")).toMatch(/^\d+ of 11 spans match.* in messages$/),
    );
    expect(opened.model.sent.filter(({ kind }) => kind === "search").length).toBe(1);
  });

  test("filters hide the others and say so, and show them again", async () => {
    const opened = await show();
    opened.all("[title^=Search]")[0]?.click();
    await vi.waitFor(() => expect(opened.all(".filters button").length).toBe(4));
    opened.all(".filters button")[0]?.click();
    await vi.waitFor(() => expect(opened.rows().length).toBe(2));
    expect(opened.words(".match-line [role=status]")).toBe("1 of 11 spans matches");
    opened.all(".match-tools button")[0]?.click();
    await vi.waitFor(() => expect(opened.rows().length).toBe(11));
    opened.all(".match-tools button")[1]?.click();
    await vi.waitFor(() => expect(opened.all(".match-line").length).toBe(0));
  });
});

test("the time axis zooms by keys, says what it shows, and shows all of it again", async () => {
  const opened = await show();
  opened.grid().focus();
  opened.press("+");
  await vi.waitFor(() => expect(opened.words(".zoom-words")).toContain("1.03 s to 3.1 s of 4.14 s"));
  opened.press("0");
  await vi.waitFor(() => expect(opened.all(".zoom-words").length).toBe(0));
});

test("a reader gives a label by its key and says why, and the view says both", async () => {
  const tone = { name: "tone", words: ["kind", "neutral", "<i>rude</i>"], isRating: false };
  const opened = await show({ setUp: (model) => model.set("_labels", tone) });
  opened.rows()[6]?.click();
  await vi.waitFor(() => expect(opened.all(".message").length).toBe(4));
  opened.grid().focus();
  opened.press("9", "3");
  await vi.waitFor(() => expect(opened.words(".rated")).toBe("tone: <i>rude</i>"));
  opened.press("n");
  await vi.waitFor(() => expect(opened.root.activeElement?.tagName).toBe("TEXTAREA"));
  (opened.root.activeElement as HTMLTextAreaElement).value = "it <b>shouts</b>, n?";
  opened.press("1", "?", "Enter");
  await vi.waitFor(() => expect(opened.words(".judging .note")).toBe("it <b>shouts</b>, n?"));
  expect(opened.root.activeElement).toBe(opened.grid());
  expect(opened.words(".rated")).toBe("Note kept");
  expect(opened.all(".choice").map((one) => one.ariaPressed)).toEqual(["false", "false", "true"]);
  expect(Object.values(opened.model.judgements)).toEqual([{ choice: 3, note: "it <b>shouts</b>, n?" }]);
  opened.press("n");
  await vi.waitFor(() => expect(opened.root.activeElement?.tagName).toBe("TEXTAREA"));
  opened.press("Escape");
  await vi.waitFor(() => expect(opened.root.activeElement).toBe(opened.grid()));
  expect(opened.all(".judging i, .judging b, .rated i").length).toBe(0);
  opened.press("?");
  await vi.waitFor(() => expect(opened.words(".key-groups section")).toContain("<i>rude</i>"));
});

test("the help lists the keys and gives the focus back", async () => {
  const opened = await show();
  opened.grid().focus();
  opened.press("?");
  await vi.waitFor(() => expect(opened.all(".help kbd").length).toBeGreaterThan(20));
  opened.press("Escape");
  await vi.waitFor(() => expect(opened.all(".help").length).toBe(0));
  expect(opened.root.activeElement).toBe(opened.grid());
});

describe("assistive technology finds nothing wrong", () => {
  const violations = async (): Promise<string[]> => {
    const { violations: found } = await axe.run(document.body, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
      rules: { "document-title": { enabled: false }, "html-has-lang": { enabled: false } },
    });
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  };

  test.each(["light", "dark"])("with the list, in %s", async (theme) => {
    document.body.dataset.theme = theme;
    document.body.style.background = theme === "dark" ? "#16181b" : "#fff";
    await list();
    expect(await violations()).toEqual([]);
  });

  test.each(["light", "dark"])("with a tree, filters and an open span, in %s", async (theme) => {
    document.body.dataset.theme = theme;
    document.body.style.background = theme === "dark" ? "#16181b" : "#fff";
    const opened = await show();
    opened.all("[title^=Search]")[0]?.click();
    opened.rows()[6]?.click();
    await vi.waitFor(() => expect(opened.all(".message").length).toBe(4));
    expect(await violations()).toEqual([]);
  });
});
