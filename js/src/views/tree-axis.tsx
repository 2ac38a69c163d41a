/** The time axis above the waterfall: its scale, and zooming by dragging over it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Explorer } from "../model/explorer.ts";
import { axisTime } from "../model/text.ts";
import { type Span, ticks } from "../model/time.ts";

/** Gridlines of a waterfall, at most. */
const TICKS = 5;

/** Percent of the axis beyond which a label would be cut off. */
const LAST_LABEL = 80;

/** Pixels that a pointer moves before a press is a drag. */
const DRAG = 4;

export function Axis({ explorer }: { explorer: Explorer }): JSX.Element {
  const drag = useDrag(explorer);
  const { fromMs, toMs } = explorer.time.axis.value;
  const view = explorer.time.view.value;
  const isZoomed = explorer.time.zoom.value !== null;
  return (
    <span
      role="columnheader"
      class="bar axis"
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
            {isLabelled && left < LAST_LABEL && axisTime(tick - originMs)}
          </i>
        );
      })}
    </>
  );
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
