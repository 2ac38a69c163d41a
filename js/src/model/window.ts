/**
 * Which rows of a long list to draw.
 *
 * Browsers cap the height of an element (Chrome near 16.7 million pixels, 700,000 rows); a longer list is scrolled on
 * a shorter track, in proportion.
 */

export const ROW_HEIGHT = 24;

const TRACK_LIMIT = 8_000_000;

/** Rows drawn beyond each edge, so that a fast scroll shows no blank before the next frame. */
const OVERSCAN = 6;

export interface Window {
  /** Height of the scrolled track. */
  readonly height: number;
  readonly first: number;
  /** Exclusive. */
  readonly last: number;
  /** Where row `first` is drawn on the track. */
  readonly top: number;
}

export function windowOf(count: number, scrollTop: number, viewport: number): Window {
  const full = count * ROW_HEIGHT;
  const height = Math.min(full, TRACK_LIMIT);
  const offset = scrollTop * scale(full, height, viewport);
  const first = Math.max(0, Math.min(Math.floor(offset / ROW_HEIGHT) - OVERSCAN, count));
  const last = Math.min(count, Math.ceil((offset + viewport) / ROW_HEIGHT) + OVERSCAN);
  return { height, first, last, top: scrollTop - (offset - first * ROW_HEIGHT) };
}

/** Returns the least change of scroll position that shows a row in full. */
export function scrollTo(row: number, count: number, scrollTop: number, viewport: number): number {
  const full = count * ROW_HEIGHT;
  const ratio = scale(full, Math.min(full, TRACK_LIMIT), viewport);
  const offset = scrollTop * ratio;
  const top = row * ROW_HEIGHT;
  if (top < offset) return top / ratio;
  if (top + ROW_HEIGHT > offset + viewport) return (top + ROW_HEIGHT - viewport) / ratio;
  return scrollTop;
}

function scale(full: number, height: number, viewport: number): number {
  return full === height || height <= viewport ? 1 : (full - viewport) / (height - viewport);
}
