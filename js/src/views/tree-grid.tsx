/** The tree of spans with its waterfall: only the rows in sight are in the document. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Explorer } from "../model/explorer.ts";
import { axisTime } from "../model/text.ts";
import { ticks } from "../model/time.ts";
import { ROW_HEIGHT, scrollTo, windowOf } from "../model/window.ts";
import { isCombination } from "../ui/keyboard.ts";
import { TreeRow } from "./tree-row.tsx";

/** Gridlines of a waterfall, at most. */
const TICKS = 5;

/** Percent of the axis beyond which a label would be cut off. */
const LAST_LABEL = 80;

export function TreeGrid({ explorer }: { explorer: Explorer }): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const scrollTop = useSignal(0);
  const viewport = useSignal(0);
  const tree = explorer.tree.value;
  const rows = explorer.rows.value;
  const { shape, cursorIndex } = explorer;

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const measure = (): void => {
      viewport.value = rowsHeight(element);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [viewport]);

  const index = cursorIndex.value;
  const cursor = explorer.cursor.value;
  const isOpen = explorer.isOpen.value;
  const hasTree = tree !== null;
  // A newer tree must not scroll, however it pushes the cursor's row about.
  useEffect(() => {
    const element = scroller.current;
    if (!element || index < 0) return;
    element.scrollTop = scrollTo(index, rows.length, element.scrollTop, rowsHeight(element));
  }, [cursor, isOpen, hasTree]);

  useScrollAnchor(explorer, scroller);

  if (!tree) return <div class="tree" ref={scroller} />;
  const axisEndMs = tree.endMs.reduce((latest, end) => Math.max(latest, end), 0);
  const shown = windowOf(rows.length, scrollTop.value, viewport.value);
  const select = (row: number): void => {
    const spanId = tree.spanId.at(row);
    explorer.select(explorer.selected.value === spanId ? null : spanId);
  };
  const active = rows[index];
  return (
    <div
      class="tree"
      role="treegrid"
      aria-label="Spans"
      aria-rowcount={rows.length + 1}
      aria-colcount={5}
      {...(active === undefined ? {} : { "aria-activedescendant": `row-${tree.spanId.at(active)}` })}
      tabIndex={0}
      ref={scroller}
      onScroll={(event) => {
        scrollTop.value = event.currentTarget.scrollTop;
      }}
      onFocus={() => index < 0 && explorer.moveTo(0)}
      onKeyDown={(event) => onKey(event, explorer, Math.floor(viewport.value / ROW_HEIGHT) - 1)}
    >
      <Heading axisEndMs={axisEndMs} />
      <div class="track" role="presentation" style={{ height: `${shown.height}px` }}>
        <div class="row lines" role="presentation">
          <span class="bar">
            <Ticks axisEndMs={axisEndMs} />
          </span>
        </div>
        <div class="rows" role="presentation" style={{ transform: `translateY(${shown.top}px)` }}>
          {Array.from(rows.subarray(shown.first, shown.last), (row, offset) => {
            const parent = shape.value.parents[row] ?? -1;
            const spanId = tree.spanId.at(row);
            return (
              <TreeRow
                key={spanId}
                tree={tree}
                row={row}
                index={shown.first + offset}
                place={shape.value.places[row] ?? 1}
                setSize={parent < 0 ? shape.value.rootCount : (tree.childCount[parent] ?? 1)}
                axisEndMs={axisEndMs}
                isCollapsed={explorer.isCollapsed(row)}
                isCursor={shown.first + offset === index}
                isSelected={explorer.selected.value === spanId}
                onToggle={(toggled) => explorer.toggle(toggled)}
                onOpen={select}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The height that rows are seen in: the heading covers the rest. */
function rowsHeight(scroller: HTMLElement): number {
  return Math.max(0, scroller.clientHeight - ROW_HEIGHT);
}

function Heading({ axisEndMs }: { axisEndMs: number }): JSX.Element {
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
      <span role="columnheader" class="bar axis" aria-label="Timeline">
        <Ticks axisEndMs={axisEndMs} isLabelled />
      </span>
    </div>
  );
}

function Ticks({ axisEndMs, isLabelled = false }: { axisEndMs: number; isLabelled?: boolean }): JSX.Element {
  return (
    <>
      {ticks(axisEndMs, TICKS).map((tick) => {
        const left = (tick / axisEndMs) * 100;
        return (
          <i key={tick} class="tick" style={{ left: `${left}%` }}>
            {isLabelled && left < LAST_LABEL && axisTime(tick)}
          </i>
        );
      })}
    </>
  );
}

/** Keeps the topmost row where it is when a newer tree puts rows above it. */
function useScrollAnchor(explorer: Explorer, scroller: { current: HTMLDivElement | null }): void {
  const anchor = useRef<{ spanId: string; index: number } | null>(null);
  const { value: tree } = explorer.tree;
  const { value: rows } = explorer.rows;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !tree) return;
    const row = explorer.rowOf(anchor.current?.spanId ?? null);
    const moved = row === undefined || !anchor.current ? 0 : rows.indexOf(row) - anchor.current.index;
    if (moved !== 0 && row !== undefined && rows.includes(row)) element.scrollTop += moved * ROW_HEIGHT;
    const remember = (): void => {
      const index = Math.min(Math.floor(element.scrollTop / ROW_HEIGHT), rows.length - 1);
      const first = rows[index];
      anchor.current = first === undefined || index === 0 ? null : { spanId: tree.spanId.at(first), index };
    };
    remember();
    element.addEventListener("scroll", remember);
    return () => element.removeEventListener("scroll", remember);
  }, [tree, rows, explorer, scroller]);
}

function onKey(event: KeyboardEvent, explorer: Explorer, page: number): void {
  if (isCombination(event) || event.shiftKey) return;
  const actions: Record<string, () => void> = {
    ArrowUp: () => explorer.moveBy(-1),
    ArrowDown: () => explorer.moveBy(1),
    PageUp: () => explorer.moveBy(-page),
    PageDown: () => explorer.moveBy(page),
    Home: () => explorer.moveTo(0),
    End: () => explorer.moveTo(Number.POSITIVE_INFINITY),
    ArrowLeft: () => explorer.moveOut(),
    ArrowRight: () => explorer.moveIn(),
    Enter: () => explorer.select(explorer.cursor.value),
    Escape: () => explorer.select(null),
  };
  const action = actions[event.key];
  if (!action) return;
  action();
  event.preventDefault();
  event.stopPropagation();
}
