/** What `deno.lock` says of npm's packages. @module */
import { z } from "zod";

/** One package. */
export interface LockedPackage {
  /** What the lock calls it: name, version, and the versions of its peers. */
  readonly key: string;
  readonly name: string;
  readonly version: string;
  /** SHA-512 of the package's archive, lower-case hex. */
  readonly sha512: string;
  /** Keys of those it asks for, in order. */
  readonly dependencies: readonly string[];
}

const LOCK = z.object({
  version: z.literal("5"),
  npm: z.record(
    z.string(),
    z.object({
      integrity: z.string().startsWith("sha512-"),
      dependencies: z.array(z.string()).default([]),
      optionalDependencies: z.array(z.string()).default([]),
    }),
  ),
});

/** `@scope/name@1.2.3_peer@4.5.6`: the peers' versions are behind the underscore. */
const KEY = /^(@[^/]+\/[^@]+|[^@]+)@([^_]+)(?:_.*)?$/;

/** The packages of a lock file, by key. Throws where it is of another form. */
export function readLock(text: string): readonly LockedPackage[] {
  const { npm } = LOCK.parse(JSON.parse(text));
  const keys = Object.keys(npm);
  return keys.map((key) => {
    const { name, version } = split(key);
    const { integrity = "", dependencies = [], optionalDependencies = [] } = npm[key] ?? {};
    const asked = [...dependencies, ...optionalDependencies.filter((one) => has(one, keys))];
    return {
      key,
      name,
      version,
      sha512: hex(integrity.slice("sha512-".length)),
      dependencies: asked.map((one) => resolve(one, keys, key)).sort(),
    };
  });
}

/** The keys of `roots` and of all that they ask for, one after another. */
export function closure(
  packages: readonly LockedPackage[],
  roots: Iterable<string>,
): ReadonlySet<string> {
  const byKey = new Map(packages.map((each) => [each.key, each]));
  const found = new Set<string>();
  const open = [...roots];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (found.has(key)) continue;
    const known = byKey.get(key);
    if (known === undefined) throw new Error(`Cannot find ${key} in deno.lock`);
    found.add(key);
    open.push(...known.dependencies);
  }
  return found;
}

function split(key: string): { readonly name: string; readonly version: string } {
  const [, name, version] = KEY.exec(key) ?? [];
  if (name === undefined || version === undefined) {
    throw new SyntaxError(`Cannot read the package ${JSON.stringify(key)} of deno.lock`);
  }
  return { name, version };
}

/** A lock names a dependency by its name alone where there is one version, and else by its key. */
function resolve(asked: string, keys: readonly string[], of: string): string {
  const named = keys.filter((key) => key === asked || split(key).name === asked);
  const [found, ...others] = named.includes(asked) ? [asked] : named;
  if (found === undefined || others.length > 0) {
    throw new Error(`Cannot tell which ${asked} ${of} asks for in deno.lock`);
  }
  return found;
}

/** Of optional packages those for other machines are left out. */
function has(asked: string, keys: readonly string[]): boolean {
  return keys.some((key) => key === asked || split(key).name === asked);
}

function hex(base64: string): string {
  return [...atob(base64)].map((char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
