/** The style sheet of the compare view: that of every view, and its own part. */

import compare from "./css/compare.css?inline";
import { css } from "./style.ts";

export const compareCss = `${css}\n${compare}`;
