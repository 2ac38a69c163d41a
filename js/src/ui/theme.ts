/**
 * Light or dark, and with how much contrast, as the notebook around the widget is.
 *
 * Hosts say so by an attribute or a class on <body> or <html>; the browser's own preference counts only where no host
 * says anything, because a light notebook on a dark system is common.
 */

export type Theme = "light" | "dark";

export function hostTheme(page: Document): Theme | null {
  const { body, documentElement: html } = page;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false" ? "dark" : "light";
  const vscode = body.dataset.vscodeThemeKind;
  if (vscode !== undefined) return vscode === "vscode-dark" || vscode === "vscode-high-contrast" ? "dark" : "light";
  for (const name of [html.getAttribute("theme"), body.dataset.theme, html.dataset.theme]) {
    if (name === "dark" || name === "light") return name;
  }
  const classes = `${body.className} ${html.className}`.split(/\s+/);
  return classes.includes("dark") ? "dark" : classes.includes("light") ? "light" : null;
}

function wantsContrast(page: Document, system: MediaQueryList | undefined): boolean {
  const vscode = page.body.dataset.vscodeThemeKind ?? "";
  const jupyter = page.body.dataset.jpThemeName ?? "";
  return vscode.startsWith("vscode-high-contrast") || /high contrast/i.test(jupyter) || Boolean(system?.matches);
}

/** Keeps `data-theme` and `data-contrast` of an element at the host's theme. */
export function followTheme(element: HTMLElement, signal: AbortSignal): void {
  const page = element.ownerDocument;
  const system = page.defaultView?.matchMedia?.("(prefers-color-scheme: dark)");
  const contrast = page.defaultView?.matchMedia?.("(prefers-contrast: more)");
  const update = (): void => {
    element.dataset.theme = hostTheme(page) ?? (system?.matches ? "dark" : "light");
    element.dataset.contrast = wantsContrast(page, contrast) ? "more" : "usual";
  };
  update();
  system?.addEventListener("change", update, { signal });
  contrast?.addEventListener("change", update, { signal });
  const observer = new MutationObserver(update);
  const attributeFilter = [
    "data-jp-theme-light",
    "data-jp-theme-name",
    "data-vscode-theme-kind",
    "data-theme",
    "theme",
    "class",
  ];
  observer.observe(page.body, { attributeFilter });
  observer.observe(page.documentElement, { attributeFilter });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}
