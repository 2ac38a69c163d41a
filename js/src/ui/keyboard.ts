/**
 * Which keys a view keeps from its host.
 *
 * JupyterLab acts on keys as they come down from the document, before any element of ours sees them, unless the element
 * they are meant for is marked. A view wants plain keys for itself and leaves combinations to the host: saving, running
 * the cell. So the mark is set for each key, at the window, which is before the document.
 */

export function isCombination(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
}

export function keepPlainKeys(element: HTMLElement, signal: AbortSignal): void {
  const mark = (event: KeyboardEvent): void => {
    if (!event.composedPath().includes(element)) return;
    if (isCombination(event)) delete element.dataset.lmSuppressShortcuts;
    else element.dataset.lmSuppressShortcuts = "true";
  };
  element.dataset.lmSuppressShortcuts = "true";
  element.ownerDocument.defaultView?.addEventListener("keydown", mark, { capture: true, signal });
}
