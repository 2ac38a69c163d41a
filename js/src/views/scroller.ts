/** Scrolling a long list of rows of one height: which of them to draw, and keeping one of them in sight. */

import { type Signal, useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { TreeColumns } from "../model/columns.ts";
import type { Explorer } from "../model/explorer.ts";
import { ROW_HEIGHT, type Window, windowOf } from "../model/window.ts";

export interface Scroller {
  readonly element: RefObject<HTMLDivElement | null>;
  readonly onScroll: () => void;
  readonly shown: { readonly value: Window };
  readonly rowsInPage: () => number;
}

/** The height that rows are seen in: the heading covers the rest. */
export function rowsHeight(element: HTMLElement): number {
  return Math.max(0, element.clientHeight - ROW_HEIGHT);
}

export function useScroller(count: { readonly value: number }, takeFocus: () => boolean): Scroller {
  const element = useRef<HTMLDivElement>(null);
  const scrollTop = useSignal(0);
  const viewport = useSignal(0);
  // A frame in which the same rows are drawn draws nothing.
  const last = useRef<Window | null>(null);
  const shown = useComputed(() => {
    const next = windowOf(count.value, scrollTop.value, viewport.value);
    const before = last.current;
    const isSame = before && (Object.keys(next) as (keyof Window)[]).every((key) => before[key] === next[key]);
    if (isSame) return before;
    last.current = next;
    return next;
  });
  useMeasure(element, viewport);
  useLayoutEffect(() => {
    if (takeFocus()) element.current?.focus({ preventScroll: true });
  }, []);
  return {
    element,
    shown,
    onScroll: () => {
      scrollTop.value = element.current?.scrollTop ?? 0;
    },
    rowsInPage: () => Math.max(1, Math.floor(viewport.value / ROW_HEIGHT) - 1),
  };
}

function useMeasure(element: RefObject<HTMLDivElement | null>, viewport: Signal<number>): void {
  useLayoutEffect(() => {
    const scroller = element.current;
    if (!scroller) return undefined;
    const measure = (): void => {
      viewport.value = rowsHeight(scroller);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(scroller);
    return () => observer.disconnect();
  }, [element, viewport]);
}

/** Which row of the tree is at a place of a list, and the other way round. */
interface Listed {
  readonly rowAt: (place: number) => number | undefined;
  readonly placeOf: (row: number) => number;
}

/** Keeps the topmost line where it is when a newer tree puts lines above it; who is at the very top stays there. */
export function useScrollAnchor(
  explorer: Explorer,
  element: RefObject<HTMLDivElement | null>,
  lines: unknown,
  { rowAt, placeOf }: Listed,
): void {
  const anchor = useRef<{ tree: TreeColumns; row: number; place: number } | null>(null);
  const { value: tree } = explorer.tree;
  useLayoutEffect(() => {
    const scroller = element.current;
    if (!scroller || !tree) return;
    const before = anchor.current;
    const row = before ? explorer.rowOf(before.tree, before.row) : -1;
    const place = row < 0 ? -1 : placeOf(row);
    if (before && place >= 0 && place !== before.place) scroller.scrollTop += (place - before.place) * ROW_HEIGHT;
    const remember = (): void => {
      const top = Math.floor(scroller.scrollTop / ROW_HEIGHT);
      const first = rowAt(top);
      anchor.current = first === undefined || top === 0 ? null : { tree, row: first, place: top };
    };
    remember();
    scroller.addEventListener("scroll", remember);
    return () => scroller.removeEventListener("scroll", remember);
  }, [tree, lines, explorer, element]);
}
