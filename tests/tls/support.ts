/** Certificates that all tests of this folder share, and a client. @module */
import { type Issued, makeAuthority } from "../support/authority.ts";

/** One set of chains. */
export interface Chains {
  readonly ca: string;
  readonly server: Issued;
  readonly renewed: Issued;
  readonly wrongName: Issued;
  readonly expired: Issued;
  readonly client: Issued;
  readonly expiredClient: Issued;
  /** Of an authority that nobody knows. */
  readonly strangers: { readonly ca: string; readonly cert: Issued };
}

let made: Promise<Chains> | undefined;

/** The chains, made once for each file of tests. */
export function chains(): Promise<Chains> {
  return made ??= makeChains();
}

async function makeChains(): Promise<Chains> {
  await using authority = await makeAuthority();
  await using stranger = await makeAuthority("stranger");
  return {
    ca: authority.ca,
    server: await authority.issue({ commonName: "first" }),
    renewed: await authority.issue({ commonName: "second" }),
    wrongName: await authority.issue({ names: "DNS:elsewhere.example" }),
    expired: await authority.issue({ expired: true }),
    client: await authority.issue({ commonName: "client" }),
    expiredClient: await authority.issue({ commonName: "old", expired: true }),
    strangers: { ca: stranger.ca, cert: await stranger.issue() },
  };
}

/** The part of a socket that a test reads from. */
export interface Readable {
  read(target: Uint8Array): Promise<number | null>;
}

/** Everything up to the end. */
export async function readAll(socket: Readable): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1000);
  let text = "";
  for (;;) {
    const size = await socket.read(buffer);
    if (size === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, size), { stream: true });
  }
}
