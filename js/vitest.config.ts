import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

const patience = { setupFiles: ["test/patience.ts"], testTimeout: 120_000 };
const jsx = { oxc: { jsx: { runtime: "automatic", importSource: "preact" } } } as const;

export default defineConfig({
  test: {
    expect: { requireAssertions: true },
    projects: [
      {
        ...jsx,
        test: { ...patience, name: "node", include: ["test/**/*.test.ts"], exclude: ["**/*.browser.test.ts"] },
      },
      {
        ...jsx,
        // The fixtures are shared with Python and lie outside the package.
        server: { fs: { allow: [".."] } },
        test: {
          ...patience,
          name: "browser",
          include: ["test/**/*.browser.test.ts"],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            viewport: { width: 1100, height: 800 },
            instances: [{ browser: "chromium" }],
            provider: playwright({
              launchOptions: {
                executablePath: process.env.NBTRACE_CHROMIUM ?? "/usr/bin/chromium",
                args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
              },
            }),
          },
        },
      },
    ],
  },
});
