/** The whole trace in small: every span as a line, top to bottom as in the tree. Dragging over it zooms. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { ERROR } from "../model/columns.ts";
import type { Explorer } from "../model/explorer.ts";
import { stretchStyle, stretchWords, useDrag } from "./tree-axis.tsx";

/** A trace of fewer rows is in sight as a whole. */
const FEWEST_ROWS = 24;

/** Spans drawn at most; of more, some are left out, but never a failed one. */
const MOST_LINES = 20_000;

export const MINIMAP_HEIGHT = 32;

export function Minimap({ explorer }: { explorer: Explorer }): JSX.Element | null {
  const { first, end } = explorer.range.value;
  const isZoomed = explorer.time.zoom.value !== null;
  if (end - first < FEWEST_ROWS && !isZoomed) return null;
  return <Overview explorer={explorer} isZoomed={isZoomed} />;
}

function Overview({ explorer, isZoomed }: { explorer: Explorer; isZoomed: boolean }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useDrag(explorer, () => explorer.time.axis.value);
  const [tree, range, axis] = [explorer.tree.value, explorer.range.value, explorer.time.axis.value];
  useLayoutEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const redraw = (): void => draw(element, explorer);
    const observer = new ResizeObserver(redraw);
    observer.observe(element);
    const frame = element.closest(".nbtrace");
    const themes = new MutationObserver(redraw);
    if (frame) themes.observe(frame, { attributeFilter: ["data-theme"] });
    return () => {
      observer.disconnect();
      themes.disconnect();
    };
  }, [explorer, tree, range, axis]);
  return (
    <div class="minimap-line">
      <div
        class="minimap"
        role="group"
        aria-label={`Overview, ${stretchWords(explorer)} in view`}
        title="Drag to zoom, double-click for all of the time"
        {...drag.handlers}
        onDblClick={() => explorer.time.zoomTo(null)}
      >
        <canvas ref={canvas} />
        {isZoomed && <Shades explorer={explorer} />}
        {drag.stretch && <i class="brush" style={stretchStyle(drag.stretch, axis)} />}
      </div>
      {isZoomed && (
        <div class="zoom-words">
          <span>{stretchWords(explorer)}</span>
          <button type="button" class="button" onClick={() => explorer.time.zoomTo(null)}>
            All of it
          </button>
        </div>
      )}
    </div>
  );
}

function Shades({ explorer }: { explorer: Explorer }): JSX.Element {
  const [axis, view] = [explorer.time.axis.value, explorer.time.view.value];
  return (
    <>
      <i class="shade" style={stretchStyle({ fromMs: axis.fromMs, toMs: view.fromMs }, axis)} />
      <i class="shade" style={stretchStyle({ fromMs: view.toMs, toMs: axis.toMs }, axis)} />
    </>
  );
}

function draw(canvas: HTMLCanvasElement, explorer: Explorer): void {
  const [tree, context] = [explorer.tree.peek(), canvas.getContext("2d")];
  if (!tree || !context) return;
  const ratio = canvas.ownerDocument.defaultView?.devicePixelRatio ?? 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const hues = new Map<string, string>();
  const hue = (type: string): string => {
    const known = hues.get(type) ?? style.getPropertyValue(`--kind-${type}`).trim();
    hues.set(type, known);
    return known || style.color;
  };
  const { first, end } = explorer.range.peek();
  const { fromMs, toMs } = explorer.time.axis.peek();
  const scale = width / (toMs - fromMs || 1);
  const step = Math.max(1, Math.ceil((end - first) / MOST_LINES));
  const thickness = Math.max(1, Math.min(4, (height / (end - first)) * 0.7));
  const line = (row: number): void => {
    const start = (tree.startMs[row] ?? 0) - fromMs;
    const duration = tree.durationMs[row] ?? Number.NaN;
    const length = Number.isNaN(duration) ? toMs - fromMs - start : duration;
    const y = ((row - first) / (end - first)) * (height - thickness);
    context.fillRect(start * scale, y, Math.max(1, length * scale), thickness);
  };
  context.globalAlpha = 0.75;
  for (let row = first; row < end; row += step) {
    context.fillStyle = hue(tree.type.at(row));
    line(row);
  }
  context.globalAlpha = 1;
  context.fillStyle = style.getPropertyValue("--red").trim() || style.color;
  for (let row = first; row < end; row++) if ((tree.flags[row] ?? 0) & ERROR) line(row);
}
