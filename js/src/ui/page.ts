/** The page that a host draws in: late, anew, and without telling. */

/** Calls `look` now, and after whatever the host does on the page, once for all that it does in one go. */
export function watchPage(page: Document, look: () => void, signal: AbortSignal): void {
  let isDue = false;
  const observer = new MutationObserver(() => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      if (!signal.aborted) look();
    });
  });
  observer.observe(page.body, { childList: true, subtree: true });
  look();
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}
