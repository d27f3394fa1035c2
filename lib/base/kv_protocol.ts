/**
 * The ways in which KV can move between a prefill and a decode engine: their names, and what must be
 * known of them where no KV moves. What each does is `lib/kv/`'s.
 * @module
 */

/** What a configuration and its readers need to know of one protocol. */
export interface KvFacts {
  /** Its name for people. */
  readonly title: string;
  /** How KV gets from the one engine to the other, for people. */
  readonly how: string;
  /** Prefill engines write to ports of decode engines and notify the router when KV has landed. */
  readonly notifies: boolean;
  /** One engine can be on either side: what it is set up for is not one of them alone. */
  readonly eitherSide: boolean;
}

/** All protocols by the name that `--kv-protocol` takes. */
export const KV_PROTOCOLS = {
  lmcache: {
    title: "LMCache",
    how: "prefill engines write KV to decode engines and notify the router",
    notifies: true,
    eitherSide: false,
  },
  nixl: {
    title: "NixlConnector",
    how: "decode engines read KV from prefill engines (vLLM's NixlConnector)",
    notifies: false,
    eitherSide: true,
  },
  shared_storage: {
    title: "a store both engines share",
    how: "engines share a store; LMCache over NIXL needs --nixl-proxy-host",
    notifies: false,
    eitherSide: true,
  },
} as const satisfies Readonly<Record<string, KvFacts>>;

/** The name of a protocol. */
export type KvName = keyof typeof KV_PROTOCOLS;

/** All names, in the order in which they are told. */
export const KV_NAMES: readonly KvName[] = Object.keys(KV_PROTOCOLS) as KvName[];

/** The protocol called `name`; undefined when there is none. */
export function kvNameOf(name: string | undefined): KvName | undefined {
  return KV_NAMES.find((known) => known === name);
}
