// Builds one self-contained ES module per widget, with its style sheet inside, into the Python package.
//
//   node build.mjs            minified, as released; fails if a bundle is over its budget
//   node build.mjs --serve    the dev page on http://127.0.0.1:8000, rebuilt on every reload

import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const out = fileURLToPath(new URL("../nbtrace/_widgets/static/", import.meta.url));

// The bundle rides in the comm message that opens a widget, and once a widget in a notebook saved with its state.
const BUDGET_KB = 300;

const WIDGETS = ["trace", "compare"];

// The exported page: a script of its own, not a module, because a page from a disk may not import one.
const PAGE_BUDGET_KB = 320;

/** Resolves `x.css?inline` to the minified style sheet as a string, as Vite does. */
const inlineCss = {
  name: "inline-css",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path, suffix }) => {
      if (suffix !== "?inline") return undefined;
      const css = await readFile(path, "utf8");
      const { code } = await esbuild.transform(css, { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

const options = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  plugins: [inlineCss],
};

async function build() {
  await mkdir(out, { recursive: true });
  for (const widget of WIDGETS) {
    const outfile = `${out}${widget}.js`;
    await esbuild.build({ ...options, entryPoints: [`src/widgets/${widget}.ts`], outfile, minify: true });
    await weigh(outfile, BUDGET_KB);
  }
  const outfile = `${out}page.js`;
  await esbuild.build({ ...options, entryPoints: ["src/widgets/page.ts"], outfile, minify: true, format: "iife" });
  await weigh(outfile, PAGE_BUDGET_KB);
  await writeFile(`${out}style.css`, await styleSheet());
}

/** Says a bundle's size, and fails if that is over its budget. */
async function weigh(path, budget) {
  const size = (await stat(path)).size;
  const zipped = gzipSync(await readFile(path)).length;
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  console.log(`${basename(path)}  ${kb(size)}  (${kb(zipped)} gzip, budget ${budget} kB)`);
  if (size > budget * 1000) throw new Error(`${basename(path)} is over its budget of ${budget} kB`);
}

/** Gives the style sheet exactly as the views insert it: the exported page allows no other. */
async function styleSheet() {
  const { outputFiles } = await esbuild.build({
    ...options,
    entryPoints: ["src/ui/style.ts"],
    write: false,
    minify: true,
  });
  const source = Buffer.from(outputFiles[0].contents).toString("base64");
  const { css } = await import(`data:text/javascript;base64,${source}`);
  return css;
}

async function serve() {
  const context = await esbuild.context({
    ...options,
    entryPoints: ["dev/dev.ts"],
    outdir: "dev",
    write: false,
    sourcemap: "inline",
    loader: { ".arrow": "binary" },
  });
  const { port } = await context.serve({ servedir: "dev", host: "127.0.0.1", port: 8000 });
  console.log(`http://127.0.0.1:${port}/`);
}

await (process.argv.includes("--serve") ? serve() : build());
