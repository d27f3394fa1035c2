/** Where the router's engines are found: the book of them, and its sources. @module */
import type { Logger } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { EngineBook, listedSource } from "./discovery/mod.ts";

/** The source of engines that the configuration lists. */
const CONFIGURATION = "configuration";

/** A book that follows every source of `config`. */
export function openBook(
  { discovery: { rules, listed } }: Pick<RouterConfig, "discovery">,
  { log }: { readonly log: Logger },
): EngineBook {
  const book = new EngineBook({ log, rules });
  book.follow(
    listedSource(CONFIGURATION, listed.map(({ where, raw }) => ({ key: raw.url, where, raw }))),
  );
  return book;
}
