/** Where the router's engines are found: the book of them, and its sources. @module */
import type { Logger } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { EngineBook, type Following, type FoundSource, listedSource } from "./discovery/mod.ts";
import { isSame } from "./reload/mod.ts";

/** What sources work with. */
export interface DiscoveryParts {
  readonly log: Logger;
}

/** One source, where a configuration has it. */
interface SourceKind {
  /** All that it goes by: where that is another, so is the source. Undefined where there is none. */
  readonly of: (config: Pick<RouterConfig, "discovery">) => unknown;
  readonly open: (config: Pick<RouterConfig, "discovery">, parts: DiscoveryParts) => FoundSource;
}

/** Every source, by its name. */
const SOURCES: Readonly<Record<string, SourceKind>> = {
  // Also without engines: they may come.
  configuration: {
    of: ({ discovery: { listed } }) => listed,
    open: ({ discovery: { listed } }) =>
      listedSource(
        "configuration",
        listed.map(({ where, raw }) => ({ key: raw.url, where, raw })),
      ),
  },
};

/** A book that follows every source of a configuration. */
export interface AppDiscovery extends AsyncDisposable {
  readonly book: EngineBook;
  /** Follow those of `config` instead: engines that are found again go on as they are. */
  apply(config: Pick<RouterConfig, "discovery">): void;
}

/** Begin with those of `config`. */
export function openDiscovery(
  config: Pick<RouterConfig, "discovery">,
  parts: DiscoveryParts,
): AppDiscovery {
  const book = new EngineBook({ log: parts.log, rules: config.discovery.rules });
  const followed = new Map<string, { readonly following: Following; of: unknown }>();
  let { rules } = config.discovery;
  const follow = (next: Pick<RouterConfig, "discovery">): void => {
    for (const [name, { of: ofConfig, open }] of Object.entries(SOURCES)) {
      const of = ofConfig(next);
      const known = followed.get(name);
      if (of === undefined) {
        known?.following.end();
        followed.delete(name);
      } else if (known === undefined) {
        followed.set(name, { following: book.follow(open(next, parts)), of });
      } else if (!isSame(known.of, of)) {
        known.of = of;
        known.following.replace(open(next, parts));
      }
    }
  };
  follow(config);
  return {
    book,
    apply(next) {
      // Sources first: what they find is checked by the rules that come with them.
      follow(next);
      if (isSame(rules, next.discovery.rules)) return;
      rules = next.discovery.rules;
      book.recheck(rules);
    },
    [Symbol.asyncDispose]: () => book[Symbol.asyncDispose](),
  };
}
