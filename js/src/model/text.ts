/** Numbers for people, worded as nbtrace/_query/text.py words them; tests/fixtures/text.json holds both to it. */

export const UNPRICED = "unpriced";
export const REPLAYED = "replayed";

export function cost(usd: number | null, state: string | null): string {
  if (usd === null || !Number.isFinite(usd)) return state === REPLAYED ? REPLAYED : UNPRICED;
  const size = Math.abs(usd);
  const decimals = size >= 1 || size === 0 ? 2 : Math.max(2, 1 - Math.floor(Math.log10(Number(size.toExponential(1)))));
  const digits = size.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return `${state === "estimated" ? "~" : ""}${usd < 0 ? "-" : ""}$${digits}`;
}

const UNITS = [
  ["s", 1e9],
  ["ms", 1e6],
  ["µs", 1e3],
] as const;

export function duration(ns: number | null): string {
  if (ns === null) return "running";
  const whole = Math.round(ns / 1e9);
  if (whole >= 60) {
    const minutes = Math.floor(whole / 60);
    const two = (value: number): string => String(value).padStart(2, "0");
    return minutes >= 60
      ? `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
      : `${minutes} min ${two(whole % 60)} s`;
  }
  for (const [unit, size] of UNITS) {
    if (ns >= 0.9995 * size) return `${threeDigits(ns / size)} ${unit}`;
  }
  return `${ns.toFixed(0)} ns`;
}

/** How many tokens come in a second. */
export function rate(perSecond: number): string {
  return `${Number(perSecond.toPrecision(perSecond < 1000 ? 2 : 3)).toLocaleString("en-US")} tokens/s`;
}

export function tokens(count: number): string {
  return count.toLocaleString("en-US");
}

/** Tokens in and out, `?` for the one that is not known; empty if neither is. */
export function flow(tokensIn: number | null, tokensOut: number | null): string {
  if (tokensIn === null && tokensOut === null) return "";
  return [tokensIn, tokensOut].map((count) => (count === null ? "?" : tokens(count))).join(" → ");
}

export function counted(count: number, noun: string): string {
  return `${tokens(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A time on the axis: as short as it can be. */
export function axisTime(ms: number): string {
  const shown = Number(ms.toPrecision(3)); // a sum of floats may stay a little below the second that it means
  if (shown >= 60_000) return `${trim(ms / 60_000)} min`;
  return shown >= 1000 ? `${trim(ms / 1000)} s` : shown >= 1 ? `${trim(ms)} ms` : `${trim(ms * 1000)} µs`;
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function threeDigits(value: number): string {
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Number(value.toExponential(2))))));
}

/** The time of day of a moment, where the reader is. */
export function clock(unixMs: number): string {
  return new Date(unixMs).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
