/** The style sheet of every view, part by part. */

import detail from "./css/detail.css?inline";
import frame from "./css/frame.css?inline";
import text from "./css/text.css?inline";
import tokens from "./css/tokens.css?inline";
import tree from "./css/tree.css?inline";

export const css = [tokens, frame, tree, detail, text].join("\n");
