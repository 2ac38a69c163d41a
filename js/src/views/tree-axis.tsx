/** The time axis above the waterfall: its scale, and zooming by dragging over it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Explorer } from "../model/explorer.ts";
import { axisTime } from "../model/text.ts";
import { type Span, ticks } from "../model/time.ts";

/** Gridlines of a waterfall, at most. */
const TICKS = 5;

/** Pixels that a pointer moves before a press is a drag. */
const DRAG = 4;

export function Axis({ explorer }: { explorer: Explorer }): JSX.Element {
  const drag = useDrag(explorer);
  const element = useRoomForLabels();
  const { fromMs, toMs } = explorer.time.axis.value;
  const view = explorer.time.view.value;
  const isZoomed = explorer.time.zoom.value !== null;
  return (
    <span
      role="columnheader"
      class="bar axis"
      ref={element}
      aria-label={isZoomed ? `Timeline, ${stretchWords(explorer)}` : "Timeline"}
      title={isZoomed ? "Double-click for all of the time" : "Drag to zoom"}
      {...drag.handlers}
      onDblClick={() => explorer.time.zoomTo(null)}
    >
      <Ticks view={view} originMs={fromMs} isLabelled />
      {drag.stretch && <i class="brush" style={stretchStyle(drag.stretch, view)} />}
      {isZoomed && toMs > fromMs && <i class="zoom-mark" style={stretchStyle(view, { fromMs, toMs })} />}
    </span>
  );
}

/** Words the stretch of time in view. */
export function stretchWords(explorer: Explorer): string {
  const { fromMs, toMs } = explorer.time.axis.value;
  const view = explorer.time.view.value;
  return `${axisTime(view.fromMs - fromMs)} to ${axisTime(view.toMs - fromMs)} of ${axisTime(toMs - fromMs)}`;
}

/** The gridlines, once for all rows. */
export function Lines({ explorer }: { explorer: Explorer }): JSX.Element {
  return (
    <div class="row lines" role="presentation" aria-hidden="true">
      <span class="bar">
        <Ticks view={explorer.time.view.value} originMs={explorer.time.axis.value.fromMs} />
      </span>
    </div>
  );
}

function Ticks(props: { view: Span; originMs: number; isLabelled?: boolean }): JSX.Element {
  const { view, originMs, isLabelled = false } = props;
  return (
    <>
      {ticks(view, TICKS, originMs).map((tick) => {
        const left = ((tick - view.fromMs) / (view.toMs - view.fromMs)) * 100;
        return (
          <i key={tick} class="tick" style={{ left: `${left}%` }}>
            {isLabelled && <b>{axisTime(tick - originMs)}</b>}
          </i>
        );
      })}
    </>
  );
}

/** Pixels between a label and the line after it. */
const GAP = 4;

/** Leaves out the labels of an axis that would reach into a label after them, or beyond its end. */
function useRoomForLabels() {
  const element = useRef<HTMLSpanElement>(null);
  const leaveOut = (): void => {
    const labels = [...(element.current?.querySelectorAll<HTMLElement>(".tick b") ?? [])];
    const end = element.current?.getBoundingClientRect().right ?? 0;
    const boxes = labels.map((label) => label.getBoundingClientRect());
    let free = Number.NEGATIVE_INFINITY;
    labels.forEach((label, at) => {
      const { left, right } = boxes[at] ?? { left: 0, right: 0 };
      const hasRoom = left >= free && right <= end;
      label.style.visibility = hasRoom ? "" : "hidden";
      if (hasRoom) free = right + GAP;
    });
  };
  useLayoutEffect(leaveOut);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(leaveOut);
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return element;
}

export function stretchStyle(stretch: Span, whole: Span): { left: string; width: string } {
  const length = whole.toMs - whole.fromMs || 1;
  return {
    left: `${((stretch.fromMs - whole.fromMs) / length) * 100}%`,
    width: `${((stretch.toMs - stretch.fromMs) / length) * 100}%`,
  };
}

/** Dragging over an element that shows a stretch of time zooms to the part dragged over. */
export function useDrag(explorer: Explorer, shown: () => Span = () => explorer.time.view.value) {
  const stretch = useSignal<Span | null>(null);
  const timeAt = (event: PointerEvent): number => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const { fromMs, toMs } = shown();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / (box.width || 1)));
    return fromMs + share * (toMs - fromMs);
  };
  let start: { x: number; ms: number } | null = null;
  return {
    stretch: stretch.value,
    handlers: {
      onPointerDown: (event: PointerEvent): void => {
        if (event.button !== 0) return;
        start = { x: event.clientX, ms: timeAt(event) };
        const element = event.currentTarget as HTMLElement;
        element.setPointerCapture(event.pointerId);
        const move = (moved: PointerEvent): void => {
          if (!start || Math.abs(moved.clientX - start.x) < DRAG) return;
          const ms = timeAt(moved);
          stretch.value = { fromMs: Math.min(start.ms, ms), toMs: Math.max(start.ms, ms) };
        };
        const end = (): void => {
          element.removeEventListener("pointermove", move);
          if (stretch.value) explorer.time.zoomTo(stretch.value);
          stretch.value = null;
          start = null;
        };
        element.addEventListener("pointermove", move);
        element.addEventListener("pointerup", end, { once: true });
        element.addEventListener("pointercancel", end, { once: true });
      },
    },
  };
}
