/** The tree of spans with its waterfall: only the rows in sight are in the document. */

import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Explorer } from "../model/explorer.ts";
import { traceOf } from "../model/forest.ts";
import { isGoing, OVER } from "../model/state.ts";
import { scrollTo } from "../model/window.ts";
import { isCombination } from "../ui/keyboard.ts";
import { act } from "./keys.ts";
import { rowsHeight, type Scroller, useScrollAnchor, useScroller } from "./scroller.ts";
import { Axis, Lines } from "./tree-axis.tsx";
import { TreeRow } from "./tree-row.tsx";

export function TreeGrid({ explorer }: { explorer: Explorer }): JSX.Element {
  const count = useComputed(() => explorer.rows.value.length);
  const scroller = useScroller(count, () => explorer.takeFocus());
  const rows = explorer.rows.value;
  const index = explorer.cursorIndex.value;
  useCursorInSight(explorer, scroller);
  useScrollAnchor(explorer, scroller.element, rows, {
    rowAt: (place) => rows[place],
    placeOf: (row) => rows.indexOf(row),
  });
  const active = rows[index];
  return (
    <div
      class={`tree ${explorer.finding.matches.value && !explorer.finding.isOnlyMatches.value ? "dimmed" : ""}`}
      role="treegrid"
      aria-label="Spans"
      aria-rowcount={rows.length + 1}
      aria-colcount={5}
      {...(active === undefined ? {} : { "aria-activedescendant": `row-${active}` })}
      tabIndex={0}
      ref={scroller.element}
      onScroll={scroller.onScroll}
      onFocus={() => index < 0 && explorer.walk.to(0)}
      onKeyDown={(event) => onKey(event, explorer, scroller.rowsInPage())}
    >
      <Heading explorer={explorer} />
      <Rows explorer={explorer} scroller={scroller} />
    </div>
  );
}

function onKey(event: KeyboardEvent, explorer: Explorer, rowsInPage: number): void {
  if (isCombination(event) || !act(event.key, true, explorer, rowsInPage)) return;
  event.preventDefault();
  event.stopPropagation();
}

function Heading({ explorer }: { explorer: Explorer }): JSX.Element {
  return (
    <div class="row heading" role="row" aria-rowindex={1}>
      <span role="columnheader" class="name">
        Span
      </span>
      <span role="columnheader" class="time">
        Time
      </span>
      <span role="columnheader" class="tokens">
        Tokens
      </span>
      <span role="columnheader" class="cost">
        Cost
      </span>
      <Axis explorer={explorer} />
    </div>
  );
}

/** The rows in sight; scrolling draws these again and nothing else. */
function Rows({ explorer, scroller }: { explorer: Explorer; scroller: Scroller }): JSX.Element {
  const [tree, forest, sums] = [explorer.tree.value, explorer.forest.value, explorer.sums.value];
  const rows = explorer.rows.value;
  const shown = scroller.shown.value;
  const index = explorer.cursorIndex.value;
  const selected = explorer.isOpen.value ? explorer.cursor.value : -1;
  useEffect(() => {
    explorer.previews.inSight.value = rows.subarray(shown.first, shown.last);
  }, [explorer, rows, shown]);
  useEffect(
    () => () => {
      explorer.previews.inSight.value = [];
    },
    [explorer],
  );
  if (!tree || !forest || !sums) return <div class="track" role="presentation" />;
  const first = rows[0];
  const rootCount = first === undefined ? 0 : (forest.rootCounts[traceOf(forest, first)] ?? 0);
  const { path, finding } = explorer;
  return (
    <div class="track" role="presentation" style={{ height: `${shown.height}px` }}>
      <Lines explorer={explorer} />
      <div class="rows" role="presentation" style={{ transform: `translateY(${shown.top}px)` }}>
        {Array.from(rows.subarray(shown.first, shown.last), (row, offset) => {
          const parent = tree.parent[row] ?? -1;
          const state = explorer.states.value[row] ?? OVER;
          return (
            <TreeRow
              key={row}
              tree={tree}
              forest={forest}
              sums={sums}
              row={row}
              state={state}
              index={shown.first + offset}
              setSize={parent < 0 ? rootCount : (forest.childCount[parent] ?? 1)}
              view={explorer.time.view.value}
              endMs={state === OVER ? 0 : isGoing(state) ? explorer.time.nowMs.value : explorer.time.axis.value.toMs}
              stretches={path.value?.get(row) ?? null}
              text={explorer.finding.text.value}
              preview={explorer.previews.of(row)}
              isMatch={finding.matches.value === null || finding.isMatch(row)}
              isCollapsed={explorer.folds.isCollapsed(row)}
              isCursor={shown.first + offset === index}
              isSelected={selected === row}
              isStill={explorer.isStill}
              onToggle={toggleOf(explorer)}
              onOpen={openOf(explorer)}
            />
          );
        })}
      </div>
    </div>
  );
}

/** The same functions for all rows and draws, so that a row whose span has not changed is not drawn again. */
const toggles = new WeakMap<Explorer, (row: number) => void>();
const opens = new WeakMap<Explorer, (row: number) => void>();

function toggleOf(explorer: Explorer): (row: number) => void {
  const known = toggles.get(explorer) ?? ((row: number): void => explorer.folds.toggle(row));
  toggles.set(explorer, known);
  return known;
}

function openOf(explorer: Explorer): (row: number) => void {
  const open = (row: number): void => {
    if (explorer.isOpen.value && explorer.cursor.value === row) explorer.close();
    else explorer.openRow(row);
  };
  const known = opens.get(explorer) ?? open;
  opens.set(explorer, known);
  return known;
}

/** Scrolls to the cursor's row when the reader moves it; a newer tree must not scroll, wherever it puts the row. */
function useCursorInSight(explorer: Explorer, { element }: Scroller): void {
  const index = explorer.cursorIndex.value;
  const rows = explorer.rows.value;
  const isOpen = explorer.isOpen.value;
  const span = explorer.cursorMoves.value;
  useEffect(() => {
    const scroller = element.current;
    if (!scroller || index < 0) return;
    scroller.scrollTop = scrollTo(index, rows.length, scroller.scrollTop, rowsHeight(scroller));
  }, [span, isOpen]);
}
