/**
 * Rendered messages.
 *
 * A model's answer is hostile input: an image it makes us load can carry a secret away in its address. So HTML in the
 * Markdown stays text, images become their description, and what marked makes of the rest passes DOMPurify with a
 * short list of tags, none of which loads anything.
 */

import DOMPurify from "dompurify";
import { Marked } from "marked";

const TAGS = [
  ...["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "em", "strong", "del"],
  ...["ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td"],
];

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escapeHtml(text),
    image: ({ text, href }) => `<code>${escapeHtml(`[image: ${text || href}]`)}</code>`,
  },
});

export function renderMarkdown(text: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(parsed(text), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "title", "align", "start"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    sayHost(link);
  }
  return fragment;
}

/** What is nested too deeply for the parser's call stack stays as it is. */
function parsed(text: string): string {
  try {
    return marked.parse(text, { async: false });
  } catch {
    return `<p>Nested too deeply to be rendered, so shown as it is.</p><pre>${escapeHtml(text)}</pre>`;
  }
}

/** A link says where it leads, whatever it is called. */
function sayHost(link: HTMLAnchorElement): void {
  const host = link.protocol === "mailto:" ? link.pathname : link.hostname;
  if (!link.href || (link.textContent ?? "").includes(host)) return;
  const said = link.ownerDocument.createElement("span");
  said.className = "host";
  said.textContent = ` (${host})`;
  link.after(said);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
