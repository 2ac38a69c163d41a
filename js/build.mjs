// Builds one self-contained ES module per widget, with its style sheet inside, into the Python package.
//
//   node build.mjs            minified, as released; fails if a bundle is over its budget
//   node build.mjs --serve    the dev page on http://127.0.0.1:8000, rebuilt on every reload

import { mkdir, readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const out = fileURLToPath(new URL("../nbtrace/_widgets/static/", import.meta.url));

// The bundle rides in the comm message that opens a widget, and once a widget in a notebook saved with its state.
const BUDGET_KB = 300;

const WIDGETS = ["trace"];

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
    const size = (await stat(outfile)).size;
    const zipped = gzipSync(await readFile(outfile)).length;
    const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
    console.log(`${widget}.js  ${kb(size)}  (${kb(zipped)} gzip, budget ${BUDGET_KB} kB)`);
    if (size > BUDGET_KB * 1000) throw new Error(`${widget}.js is over its budget of ${BUDGET_KB} kB`);
  }
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
