/** The time axis of a waterfall, in milliseconds after the first start, fitted to its box. */

/** Returns round times at which to draw gridlines: at most `most`, the first after 0. */
export function ticks(endMs: number, most: number): number[] {
  if (!(endMs > 0) || most < 1) return [];
  const rough = endMs / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const found: number[] = [];
  for (let index = 1; index * step < endMs; index++) found.push(index * step);
  return found;
}

/** Shortest that a bar is drawn, in percent of the axis, so that the eye can find it. */
const SHORTEST = 0.6;

export interface Bar {
  /** In percent of the axis. */
  readonly left: number;
  readonly width: number;
}

export function barOf(startMs: number, endMs: number, axisEndMs: number): Bar {
  if (!(axisEndMs > 0)) return { left: 0, width: 100 };
  const width = Math.max(SHORTEST, ((endMs - startMs) / axisEndMs) * 100);
  const left = Math.min((startMs / axisEndMs) * 100, 100 - SHORTEST);
  return { left, width: Math.min(width, 100 - left) };
}
