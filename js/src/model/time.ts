/** The time axis of a waterfall, in milliseconds after the first start: what part of it is in view. */

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns round times at which to draw gridlines, counted from `originMs`: at most `most`, the first after the start. */
export function ticks({ fromMs, toMs }: Span, most: number, originMs = fromMs): number[] {
  const length = toMs - fromMs;
  if (!(length > 0) || !Number.isFinite(length) || most < 1) return [];
  const rough = length / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const found: number[] = [];
  const first = Math.floor((fromMs - originMs) / step) + 1;
  for (let index = first; originMs + index * step < toMs && found.length < most; index++) {
    found.push(originMs + index * step);
  }
  return found;
}

/** Shortest that a bar is drawn, in percent of the axis, so that the eye can find it. */
const SHORTEST = 0.6;

export interface Bar {
  /** In percent of the axis. */
  readonly left: number;
  readonly width: number;
}

/** Returns where on an axis a bar is drawn, or null if it is outside. */
export function barOf(startMs: number, endMs: number, axis: Span): Bar | null {
  const length = axis.toMs - axis.fromMs;
  if (!(length > 0)) return { left: 0, width: 100 };
  const from = ((startMs - axis.fromMs) / length) * 100;
  const to = Math.max(from, ((endMs - axis.fromMs) / length) * 100);
  if (to < 0 || from > 100) return null;
  const left = Math.min(Math.max(0, from), 100 - SHORTEST);
  return { left, width: Math.min(Math.max(SHORTEST, to - left), 100 - left) };
}

/** Shortest stretch of the axis that one can zoom to: a microsecond. */
const CLOSEST_MS = 0.001;

/** Returns a stretch of the axis, moved and resized so that it lies within the whole. */
export function within(view: Span, whole: Span): Span {
  const length = Math.min(Math.max(view.toMs - view.fromMs, CLOSEST_MS), whole.toMs - whole.fromMs);
  const fromMs = Math.min(Math.max(view.fromMs, whole.fromMs), whole.toMs - length);
  return { fromMs, toMs: fromMs + length };
}

/** Returns a stretch `factor` times as long around a time, which stays where it is on the screen. */
export function zoomed(view: Span, factor: number, aroundMs: number): Span {
  return {
    fromMs: aroundMs - (aroundMs - view.fromMs) * factor,
    toMs: aroundMs + (view.toMs - aroundMs) * factor,
  };
}

export function panned(view: Span, share: number): Span {
  const by = (view.toMs - view.fromMs) * share;
  return { fromMs: view.fromMs + by, toMs: view.toMs + by };
}
