// Lints an OpenAPI document with Redocly's rules: node redocly.mjs openapi.json
// The core of Redocly's linter, without the 200 MB that its command line depends on.
import { fileURLToPath } from "node:url";
import { formatProblems, getTotals, lint, loadConfig } from "@redocly/openapi-core";

const configPath = fileURLToPath(new URL(".redocly.yaml", import.meta.url));
const config = await loadConfig({ configPath });
const problems = await lint({ ref: process.argv[2], config });
const totals = getTotals(problems);
formatProblems(problems, { format: "codeframe", totals });
process.exitCode = totals.errors + totals.warnings ? 1 : 0;
