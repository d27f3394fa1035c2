/** The chart, its examples, and what helm makes of them, which is kept for those without helm. @module */
import { sha256 } from "../../compile/archive.ts";

const DEPLOY = new URL("../", import.meta.url);

/** Folder of the chart. */
export const CHART = new URL("helm/pd-router/", DEPLOY).pathname;

/** The examples by name: a file of values, and what is made of it. */
export const EXAMPLES = ["lmcache-1p1d", "lmcache-xpyd", "nixl", "production-stack"] as const;

/** The name of an example. */
export type Example = typeof EXAMPLES[number];

/** The values of one. */
export function valuesPath(example: Example): string {
  return `${CHART}examples/${example}.yaml`;
}

/** What helm has made of them. */
export function renderedPath(example: Example): string {
  return new URL(`rendered/${example}.yaml`, DEPLOY).pathname;
}

/** Long, and shipped as files of their own. */
const LEFT_OUT = /^kind: (?:ConfigMap|PrometheusRule)$/m;

/** What is kept of `rendered`, helm's output: without what is shipped beside it. */
export function kept(example: Example, rendered: string, digest: string): string {
  const documents = rendered.split(/^---\n/m).filter((text) =>
    text.trim() !== "" && !LEFT_OUT.test(text)
  );
  const head = `# helm template pd helm/pd-router -f helm/pd-router/examples/${example}.yaml\n` +
    `# Written by \`task real:deploy --save\`; chart ${digest}\n`;
  return [head, ...documents].join("---\n");
}

/** The digest that a kept text was made of. */
export function digestIn(text: string): string | undefined {
  return /^# Written by .*; chart (\w+)$/m.exec(text)?.[1];
}

/** Of the chart's values and templates, and of the example's values. */
export async function chartDigest(example: Example): Promise<string> {
  const templates: string[] = [];
  for await (const { name } of Deno.readDir(`${CHART}templates`)) templates.push(name);
  const paths = [
    ...["Chart.yaml", "values.yaml"].map((name) => CHART + name),
    ...templates.sort().map((name) => `${CHART}templates/${name}`),
    valuesPath(example),
  ];
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
  return sha256(new TextEncoder().encode(JSON.stringify(texts))).slice(0, 16);
}
