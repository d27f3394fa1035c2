/** Configuration files, and files of keys. @module */
import { decodeUtf8, recordOf, unlessMalformed } from "../../../lib/base/mod.ts";
import { parseConfigText, problemText, resolveConfig } from "../../../lib/config/mod.ts";
import { parseKeysFile } from "../../../lib/doors/mod.ts";
import { JSON_WORDS } from "../corpora/json.ts";
import type { Corpus } from "../mutate.ts";
import { difference, short } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** Reads the text of a file. Total. */
export type ReadConfig = typeof parseConfigText;

/** What no problem may tell. */
const SECRET = "sk-very-secret";

const CORPUS: Corpus = {
  seeds: [
    "port: 8000\nhost: 0.0.0.0\nprefill:\n  - http://a:1;model=m\ndecode: [http://b:2]\n",
    "engines:\n  - url: http://a:1\n    role: decode\n    models: [m, n]\n    nixl:\n      host: h\n" +
    "      init_ports: [1, 2]\n      alloc_ports: 3\n",
    "static_models:\n  m:\n    static_backends: [http://a:1]\n    static_model_type: chat\n",
    "static_aliases:\n  a: m\n  b: n\nstatic_backends: http://a,http://b\nstatic_models: m,n\n",
    `api_key: ${SECRET}\napi_keys_file: /k\nrouting_logic: session\nsession_key: x-user\n`,
    '{"port": 1, "routing_logic": "roundrobin", "max_request_bytes": 1e6}',
    "a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c, *none]\n",
    "port: !!int '5'\nhost: |\n  a\n  b\nmodel: >-\n  x\n",
    "%YAML 1.2\n---\nport: 5\n---\nport: 6\n...\n",
    "kv_protocol: nixl\nearly_head:\nallowed_origins: ['*']\ntrusted_proxies: 10.0.0.0/8\n",
    "? [a, b]\n: c\n<<: {port: 5}\n",
  ],
  words: [
    ...JSON_WORDS,
    "\n  ",
    "\n- ",
    ": ",
    "- ",
    "&a ",
    "*a",
    "!!str ",
    "!!binary ",
    "# ",
    "|\n",
    "~",
    "0x1f",
    "0o17",
    ".inf",
    ".nan",
    "2001-01-01",
    "port: 5\n",
    "engines:\n",
    "nixl: ",
    `${SECRET}`,
  ],
  maxGrownBytes: 16_384,
};

/** The target of configuration files, with `read` as the reader. */
export function configFileTarget(read: ReadConfig = parseConfigText): FuzzTarget {
  return parserTarget({
    name: "config-file",
    about: "configuration files, beside JSON.parse where they are JSON",
    corpus: CORPUS,
    check(input) {
      const text = decodeUtf8(input);
      const parsed = read(text);
      const file = parsed.ok
        ? { ok: true, path: "f", content: parsed.value } as const
        : { ok: false, path: "f", message: parsed.message } as const;
      const result = resolveConfig({ flags: new Map(), env: () => undefined, file });
      const told = result.ok ? [] : result.problems.map(problemText);
      const secret = /^api_key: sk-very-secret$/m.test(text) && parsed.ok &&
        recordOf(parsed.value)?.["api_key"] === SECRET;
      const leak = secret ? told.find((problem) => problem.includes(SECRET)) : undefined;
      if (leak !== undefined) return `secret: ${short(leak)}`;
      const json = unlessMalformed(() => ({ value: JSON.parse(text) as unknown }));
      return json === undefined || !parsed.ok || !/[{[]/.test(text)
        ? undefined
        : difference("json", parsed.value, json.value);
    },
  });
}

const DIGEST = "ab".repeat(32);

const KEYS: Corpus = {
  seeds: [
    `- name: a\n  key: ${SECRET}\n  requests_per_second: 1.5\n`,
    `keys:\n  - {name: b, sha256: ${DIGEST}, models: [m], tokens_per_minute: 5}\n`,
    `[{"name":"a","key":"${SECRET}"},{"name":"a","key":"${SECRET}"}]`,
    `{"keys":[{"name":"a","key":"${SECRET}","sha256":"${DIGEST}"}]}`,
    `- ${SECRET}: ${SECRET}\n  name: ${SECRET}\n`,
    "keys: []\n",
    `- name: "a\n  key: ${SECRET}\n`,
  ],
  words: [...CORPUS.words, "name: ", "key: ", "sha256: ", "models: []", "concurrent_requests: 0"],
  maxGrownBytes: 16_384,
};

/** The target of files of keys, with `read` as the reader. */
export function keysFileTarget(read: typeof parseKeysFile = parseKeysFile): FuzzTarget {
  return parserTarget({
    name: "keys-file",
    about: "files of keys, none of which may be told",
    corpus: KEYS,
    check(input) {
      const result = read(decodeUtf8(input));
      if (!result.ok) {
        return result.problem.includes(SECRET) ? `secret: ${short(result.problem)}` : undefined;
      }
      const names = new Set(result.keys.map(({ name }) => name));
      if (names.size !== result.keys.length) return "names: one is twice";
      const odd = result.keys.find(({ digest }) => !/^[\da-f]{64}$/.test(digest));
      return odd === undefined ? undefined : `digest: ${short(odd.digest)}`;
    },
  });
}
