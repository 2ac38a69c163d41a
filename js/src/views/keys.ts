/** What the keys do, said once: the views act on it and the help shows it. */

import { ERROR } from "../model/columns.ts";
import type { Explorer } from "../model/explorer.ts";

export interface Binding {
  /** Values of `KeyboardEvent.key`. */
  readonly keys: readonly string[];
  readonly shown: string;
  readonly does: string;
  readonly run: (explorer: Explorer, rowsInPage: number, key: string) => void;
}

export interface KeyGroup {
  readonly title: string;
  readonly bindings: readonly Binding[];
}

const binding = (keys: string[], shown: string, does: string, run: Binding["run"]): Binding => ({
  keys,
  shown,
  does,
  run,
});

function judged(explorer: Explorer, _page: number, key: string): void {
  explorer.labelRow(explorer.cursor.value, Number(key));
}

const isError = (explorer: Explorer) => (row: number) => ((explorer.tree.value?.flags[row] ?? 0) & ERROR) !== 0;

/** Keys that act on the row under the cursor, while the tree has the focus. */
const MOVES: KeyGroup = {
  title: "Rows",
  bindings: [
    binding(["ArrowUp", "k"], "↑ or k", "previous row", (explorer) => explorer.walk.by(-1)),
    binding(["ArrowDown", "j"], "↓ or j", "next row", (explorer) => explorer.walk.by(1)),
    binding(["ArrowLeft", "h"], "← or h", "collapse, or go to the parent", (explorer) => explorer.walk.out()),
    binding(["ArrowRight", "l"], "→ or l", "expand, or go to the first child", (explorer) => explorer.walk.in()),
    binding(["PageUp"], "Page up", "a page up", (explorer, page) => explorer.walk.by(-page)),
    binding(["PageDown"], "Page down", "a page down", (explorer, page) => explorer.walk.by(page)),
    binding(["Home"], "Home", "first row", (explorer) => explorer.walk.to(0)),
    binding(["End"], "End", "last row", (explorer) => explorer.walk.to(Number.POSITIVE_INFINITY)),
    binding([" "], "Space", "collapse or expand", (explorer) => explorer.folds.toggle(explorer.cursor.value)),
    binding(["["], "[", "collapse all", (explorer) => explorer.folds.toggleAll(true)),
    binding(["]"], "]", "expand all", (explorer) => explorer.folds.toggleAll(false)),
    binding(["Enter"], "Enter", "open the span", (explorer) => {
      if (explorer.cursor.value >= 0) explorer.openRow(explorer.cursor.value);
    }),
    binding(["Backspace"], "Backspace", "back to the list of traces", (explorer) => {
      if (explorer.hasList) explorer.leaveTrace();
    }),
  ],
};

const TIME: KeyGroup = {
  title: "Time",
  bindings: [
    binding(["+", "="], "+", "zoom in", (explorer) => explorer.time.zoomBy(0.5)),
    binding(["-"], "−", "zoom out", (explorer) => explorer.time.zoomBy(2)),
    binding(["0"], "0", "all of the time", (explorer) => explorer.time.zoomTo(null)),
    binding(["f"], "f", "the time of this row", (explorer) => explorer.time.zoomToRow(explorer.cursor.value)),
    binding([","], ",", "earlier", (explorer) => explorer.time.panBy(-0.25)),
    binding(["."], ".", "later", (explorer) => explorer.time.panBy(0.25)),
  ],
};

/** Keys that say what the reader thinks of the span, wherever the focus is. */
const JUDGING: KeyGroup = {
  title: "Judge",
  bindings: [
    binding(["1", "2", "3", "4", "5", "6", "7", "8", "9"], "1 to 9", "give the span that label, or stars", judged),
    binding(["n"], "n", "note why", (explorer) => explorer.beginNote(explorer.cursor.value)),
  ],
};

/** Keys that act wherever the focus is, unless one types. */
const FINDING: KeyGroup = {
  title: "Find",
  bindings: [
    binding(["g"], "g", "next match", (explorer) =>
      explorer.walk.seek((row) => explorer.finding.matches.value !== null && explorer.finding.isMatch(row), 1),
    ),
    binding(["G"], "G", "previous match", (explorer) =>
      explorer.walk.seek((row) => explorer.finding.matches.value !== null && explorer.finding.isMatch(row), -1),
    ),
    binding(["e"], "e", "next error", (explorer) => explorer.walk.seek(isError(explorer), 1)),
    binding(["E"], "E", "previous error", (explorer) => explorer.walk.seek(isError(explorer), -1)),
    binding(["m"], "m", "messages raw or rendered", (explorer) => {
      explorer.isRendered.value = !explorer.isRendered.value;
    }),
    binding(["?"], "?", "these keys", (explorer) => {
      explorer.isHelpOpen.value = !explorer.isHelpOpen.value;
    }),
  ],
};

/** Keys whose element the view has to find. */
const PLACES: KeyGroup = {
  title: "Go to",
  bindings: [
    binding(["/"], "/", "the search field", () => {}),
    binding(["Escape"], "Esc", "back: from the search, the span, the trace", () => {}),
  ],
};

export const KEYS: readonly KeyGroup[] = [MOVES, TIME, JUDGING, FINDING, PLACES];

const ANYWHERE = new Map(
  [...JUDGING.bindings, ...FINDING.bindings].flatMap((one) => one.keys.map((key) => [key, one])),
);
const IN_TREE = new Map([...MOVES.bindings, ...TIME.bindings].flatMap((one) => one.keys.map((key) => [key, one])));

/** Does what a key is for, and says whether it was for anything. */
export function act(key: string, isInTree: boolean, explorer: Explorer, rowsInPage: number): boolean {
  const found = ANYWHERE.get(key) ?? (isInTree ? IN_TREE.get(key) : undefined);
  found?.run(explorer, rowsInPage, key);
  return found !== undefined;
}
