import { vi } from "vitest";

const { waitFor } = vi;

/** Waits as long as a busy machine takes: Vitest gives up after a second, and a test returns as soon as it can. */
vi.waitFor = (callback, options = {}) =>
  waitFor(callback, { timeout: 60_000, ...(typeof options === "number" ? { timeout: options } : options) });
