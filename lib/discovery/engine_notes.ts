/**
 * What labels and annotations of an object in Kubernetes say of the engine that it is: those of this
 * router, and those of llm-d and of production-stack.
 * @module
 */
import type { Role } from "../base/mod.ts";
import {
  type EngineRules,
  FIRST_TOKENS,
  type RawEngine,
  roleOfLabel,
  withSuggestion,
} from "../config/mod.ts";
import type { ObjectMeta, Texts } from "./kubernetes/mod.ts";

/** Begins the names of this router's own. */
const PREFIX = "pd-router/";

const NAMES = [
  "role",
  "port",
  "scheme",
  "kv-protocol",
  "notifications",
  "max-num-seqs",
  "topology",
  "nixl-host",
  "nixl-init-ports",
  "nixl-alloc-ports",
  "nixl-query-ports",
  "first-token",
  "buffer-bytes",
  "bytes-per-token",
  "chunk-size",
  "kv-events",
  "kv-events-replay",
  "kv-events-topic",
  "kv-events-ranks",
] as const;

/** One of them, without the prefix. */
export type NoteName = (typeof NAMES)[number];

/** Roles by their names, of this router and of llm-d. */
const ROLES: ReadonlyMap<string, Role> = new Map([
  ["any", "any"],
  ["prefill", "prefill"],
  ["decode", "decode"],
  ["both", "both"],
  ["prefill-decode", "both"],
]);

const LLMD_ROLE = "llm-d.ai/role";

/** Labels of production-stack: what the model is called there, and whether the engine sleeps. */
const MODEL_LABEL = "model";
const SLEEPING_LABEL = "sleeping";

/** What is said of an engine. */
export interface EngineNotes {
  /** All of its record but the URL. */
  readonly raw: Omit<RawEngine, "url">;
  /** Undefined where nothing else is said. */
  readonly port: number | undefined;
  readonly scheme: "http" | "https";
  /** Undefined where nothing is said of it. */
  readonly asleep: boolean | undefined;
  /** Each names the annotation. */
  readonly problems: readonly string[];
}

/** Read them; `label` is what stands for the model's label. */
export function engineNotes(
  { labels, annotations }: Pick<ObjectMeta, "labels" | "annotations">,
  rules: EngineRules,
  label: string | undefined = labels[MODEL_LABEL],
): EngineNotes {
  const notes = new Notes(labels, annotations);
  const role = notes.role() ?? roleOfLabel(label, rules);
  const nixl = {
    host: notes.text("nixl-host"),
    init_ports: notes.ports("nixl-init-ports"),
    alloc_ports: notes.ports("nixl-alloc-ports"),
    query_ports: notes.ports("nixl-query-ports"),
    first_token: notes.oneOf("first-token", FIRST_TOKENS),
    notifications: notes.count("notifications"),
    buffer_bytes: notes.count("buffer-bytes"),
    bytes_per_token: notes.count("bytes-per-token"),
    chunk_size: notes.count("chunk-size"),
  };
  const endpoint = notes.text("kv-events");
  const events = {
    replay: notes.text("kv-events-replay"),
    topic: notes.text("kv-events-topic"),
    ranks: notes.count("kv-events-ranks"),
  };
  const sleeping = labels[SLEEPING_LABEL];
  return {
    raw: {
      role,
      models: [],
      label,
      kv_protocol: notes.text("kv-protocol"),
      max_num_seqs: notes.count("max-num-seqs"),
      topology: notes.topology(),
      ...(endpoint === undefined ? {} : { kv_events: { endpoint, ...events } }),
      ...(Object.values(nixl).some((value) => value !== undefined) ? { nixl } : {}),
    },
    port: notes.port(),
    scheme: notes.oneOf("scheme", ["http", "https"]) ?? "http",
    asleep: sleeping === undefined ? undefined : sleeping === "true",
    problems: notes.problems,
  };
}

class Notes {
  readonly problems: string[] = [];
  readonly #labels: Texts;
  readonly #annotations: Texts;

  constructor(labels: Texts, annotations: Texts) {
    this.#labels = labels;
    this.#annotations = annotations;
    for (const name of Object.keys(annotations)) {
      const own = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
      if (own === undefined || NAMES.some((known) => known === own)) continue;
      this.problems.push(`annotation ${withSuggestion(`${name}: there is none`, own, NAMES)}`);
    }
  }

  /** As an annotation, or as a label; this router's own comes first. */
  role(): Role | undefined {
    const names = [`${PREFIX}role`, LLMD_ROLE];
    for (const texts of [this.#annotations, this.#labels]) {
      for (const name of names) {
        const text = texts[name]?.trim();
        if (text === undefined) continue;
        const role = ROLES.get(text);
        if (role === undefined) {
          const message = `${name} ${JSON.stringify(text)}: expected ${
            [...ROLES.keys()].join(", ")
          }`;
          this.problems.push(message);
        }
        return role;
      }
    }
    return undefined;
  }

  text(name: NoteName): string | undefined {
    const text = this.#annotations[PREFIX + name]?.trim();
    return text === "" ? undefined : text;
  }

  oneOf<T extends string>(name: NoteName, choices: readonly T[]): T | undefined {
    return this.#read(
      name,
      `expected ${choices.join(" or ")}`,
      (text) => choices.find((choice) => choice === text),
    );
  }

  count(name: NoteName): number | undefined {
    return this.#read(
      name,
      "expected an integer from 1",
      (text) => /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined,
    );
  }

  port(): number | undefined {
    return this.#read("port", "expected a port", (text) => isPort(text) ? Number(text) : undefined);
  }

  ports(name: NoteName): readonly string[] | undefined {
    return this.#read(name, "expected ports, separated by commas", (text) => {
      const ports = listOf(text);
      return ports.every(isPort) ? ports : undefined;
    });
  }

  topology(): Readonly<Record<string, string>> | undefined {
    return this.#read("topology", "expected labels such as zone:a,rack:r1", (text) => {
      const pairs = listOf(text).map((pair) => /^([^:]+):(.+)$/.exec(pair));
      if (pairs.includes(null)) return undefined;
      return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""]));
    });
  }

  /** What `parse` makes of an annotation that is there. */
  #read<T>(
    name: NoteName,
    expected: string,
    parse: (text: string) => T | undefined,
  ): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) {
      const shown = JSON.stringify(text.slice(0, 100));
      this.problems.push(`annotation ${PREFIX}${name} ${shown}: ${expected}`);
    }
    return value;
  }
}

function listOf(text: string): readonly string[] {
  return text.split(",").map((item) => item.trim());
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
