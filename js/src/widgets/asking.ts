/** Asking the kernel for what is newest, never twice at a time and never so often that it has nothing else to do. */

/** Ten times a second at most, and for what takes long so seldom that it takes a tenth of the time. */
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3000;
const PAUSE_SHARE = 9;

/** Returns what has `ask` called: at once, or once more after the answer that is on its way. `ask` never rejects. */
export function asking(ask: () => Promise<void>, signal: AbortSignal): () => void {
  let isAsking = false;
  let isStale = false;

  const pull = async (): Promise<void> => {
    isAsking = true;
    while (isStale && !signal.aborted) {
      isStale = false;
      const began = performance.now();
      await ask();
      const took = performance.now() - began;
      const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, took * PAUSE_SHARE));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    isAsking = false;
  };

  return () => {
    isStale = true;
    if (!isAsking) void pull();
  };
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
