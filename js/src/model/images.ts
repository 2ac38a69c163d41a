/** Images that may be shown: those whose bytes are in the span. Nothing is ever loaded from anywhere. */

import { type Json, ownText } from "./json.ts";

/** Raster formats only: the browser's decoders for them neither run nor load anything. */
const SHOWN = /^image\/(?:png|jpeg|gif|webp)$/;

const DATA = /^data:(image\/[a-z]+);base64,([A-Za-z0-9+/]+={0,2})$/;

/** Returns the data address of a message part's image, or null if it is none that may be shown. */
export function imageOf(part: Json): string | null {
  const type = ownText(part, "mime_type");
  const content = ownText(part, "content");
  if (content === null && ownText(part, "uri") === null) return null;
  const given = ownText(part, "uri") ?? (content?.startsWith("data:") ? content : `data:${type};base64,${content}`);
  const found = DATA.exec(given.replace(/\s+/g, ""));
  return found && SHOWN.test(found[1] ?? "") ? found[0] : null;
}
