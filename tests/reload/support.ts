/** Configurations as files say them, and an origin of them in memory. @module */
import { sha256 } from "../../lib/base/mod.ts";
import { parseConfigText, problemText, resolveConfig } from "../../lib/config/mod.ts";
import type { ConfigOrigin, ConfigRead, Loaded, Resolved } from "../../lib/reload/mod.ts";
import { assert } from "../support/assert.ts";

/** What a start needs at least. */
export const BASE = "routing_logic: roundrobin\nstatic_backends: http://a:1\nstatic_models: m\n";

/** What `text` says, read as the file of `--config`. */
export function readOf(text: string): ConfigRead<undefined> {
  const digest = sha256(text);
  const parsed = parseConfigText(text);
  const result = resolveConfig({
    flags: new Map(),
    env: () => undefined,
    file: parsed.ok
      ? { ok: true, path: "pd.yaml", content: parsed.value }
      : { ok: false, path: "pd.yaml", message: parsed.message },
  });
  if (!result.ok) return { ok: false, digest, problems: result.problems.map(problemText) };
  const { config, settings, notes } = result;
  return { ok: true, digest, loaded: { config, settings, notes, hooks: undefined } };
}

/** The configuration of a text that is right. */
export function resolved(text: string): Loaded<undefined> {
  const read = readOf(text);
  assert(read.ok, read.ok ? "" : read.problems.join("; "));
  return read.loaded;
}

/** An origin that reads `text`, which tests change. */
export class TextOrigin implements ConfigOrigin<undefined> {
  text: string;
  reads = 0;
  readonly start: ConfigOrigin<undefined>["start"];
  readonly inForce: Resolved[] = [];

  constructor(text: string) {
    this.text = text;
    this.start = { digest: sha256(text), loaded: resolved(text) };
  }

  read(): Promise<ConfigRead<undefined>> {
    this.reads++;
    return Promise.resolve(readOf(this.text));
  }

  readonly look = (): Promise<string> => Promise.resolve(sha256(this.text));

  taken(loaded: Resolved): void {
    this.inForce.push(loaded);
  }
}
