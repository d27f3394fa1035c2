/** Names to addresses, as the system's own resolver goes about it, with how long that holds. @module */
import { describeError, isDnsName } from "../base/mod.ts";
import { type Answer, MOST_ALIASES, readAnswer } from "./answer.ts";
import { exchange, type ExchangeDeps } from "./exchange.ts";
import { type DnsRecord, plainName, type RecordType } from "./message.ts";
import { candidates, type DnsServer, parseResolvConf, type ResolvConf } from "./resolv_conf.ts";

/** One place that a name stands for. */
export interface Place {
  /** Without brackets. */
  readonly address: string;
  /** Of a service. */
  readonly port?: number;
  /** The name that a service has there. */
  readonly target?: string;
}

/** What came of a name. */
export type Resolution =
  /** Each place once; none only where a service's names have no address. */
  | { readonly kind: "found"; readonly places: readonly Place[]; readonly ttlMs: number }
  /** There is no such record, whether or not there is the name. */
  | { readonly kind: "none"; readonly exists: boolean; readonly ttlMs: number | undefined }
  /** Nobody could say. */
  | { readonly kind: "failed"; readonly why: string };

/** What a resolver works with. */
export interface ResolverDeps extends ExchangeDeps {
  /**
   * How to ask.
   * @default what the system's file says at that moment
   */
  readonly conf?: ResolvConf | undefined;
}

/** An answer that leads nowhere else. */
type Final = Exclude<Answer, { readonly kind: "alias" }> & {
  readonly beside?: readonly DnsRecord[];
};

/** Names of one service's engines that are asked for at once. */
const AT_ONCE = 8;

/** Asks anew each time: whoever wants to know less often waits. */
export class Resolver {
  readonly #deps: ResolverDeps;
  /** Who has answered last is asked first. */
  #trusted: DnsServer | undefined;

  constructor(deps: ResolverDeps) {
    this.#deps = deps;
  }

  /** Where `name` is, by records of `type`. Never rejects; gives up when `signal` aborts. */
  async resolve(name: string, type: RecordType, signal: AbortSignal): Promise<Resolution> {
    let conf: ResolvConf;
    try {
      conf = this.#deps.conf ?? parseResolvConf(this.#deps.net.resolvConf());
    } catch (error) {
      return { kind: "failed", why: `cannot read who is to be asked: ${describeError(error)}` };
    }
    let ttl: number | undefined;
    for (const candidate of candidates(name, conf)) {
      const final = await this.#look(plainName(candidate), type, conf, signal);
      if (final.kind === "records") return await this.#places(final, conf, signal);
      // Another candidate might be quite another name: none is tried past one that may be right.
      if (final.kind === "failed") return final;
      ttl = ttl === undefined ? final.ttl : Math.min(ttl, final.ttl ?? ttl);
      if (final.exists) return { kind: "none", exists: true, ttlMs: inMs(ttl) };
    }
    return { kind: "none", exists: false, ttlMs: inMs(ttl) };
  }

  /** The records of `name`, wherever it leads. */
  async #look(
    name: string,
    type: RecordType,
    conf: ResolvConf,
    signal: AbortSignal,
  ): Promise<Final> {
    let [asked, ttl] = [name, Infinity];
    for (let steps = 0; steps <= MOST_ALIASES; steps++) {
      const final = await this.#ask({ name: asked, type }, conf, signal);
      if (final.kind === "records") return { ...final, ttl: Math.min(ttl, final.ttl) };
      if (final.kind !== "alias") return final;
      [asked, ttl] = [final.name, Math.min(ttl, final.ttl)];
    }
    return { kind: "failed", why: "its names lead to one another" };
  }

  /** Ask the servers in turn until one answers. */
  async #ask(
    question: { readonly name: string; readonly type: RecordType },
    { servers, attempts, timeoutMs, tcp }: ResolvConf,
    signal: AbortSignal,
  ): Promise<Answer & { readonly beside?: readonly DnsRecord[] }> {
    const isTrusted = ({ host, port }: DnsServer): boolean =>
      host === this.#trusted?.host && port === this.#trusted.port;
    const inTurn = [
      ...servers.filter(isTrusted),
      ...servers.filter((server) => !isTrusted(server)),
    ];
    // What servers have names lead to may be anything.
    if (!isDnsName(question.name)) return { kind: "failed", why: "it leads to what is no name" };
    let why = "";
    for (let attempt = 0; attempt < attempts; attempt++) {
      for (const server of inTurn) {
        if (signal.aborted) return { kind: "failed", why: "given up" };
        const extended = attempt === 0;
        const options = { timeoutMs, tcp, extended, signal };
        const got = await exchange(server, question, this.#deps, options);
        const answer = got.kind === "message" ? readAnswer(got.message, question) : got;
        if (got.kind === "message" && answer.kind !== "failed") {
          this.#trusted = server;
          return { ...answer, beside: got.message.additionals };
        }
        if (answer.kind === "failed") why = `${serverText(server)}: ${answer.why}`;
      }
    }
    return { kind: "failed", why };
  }

  async #places(
    { records, ttl, beside = [] }: Extract<Final, { readonly kind: "records" }>,
    conf: ResolvConf,
    signal: AbortSignal,
  ): Promise<Resolution> {
    const places: Place[] = [];
    let least = ttl;
    const services = records.filter((record) => record.type === "SRV" && record.target !== "");
    const targets = [...new Set(services.flatMap((one) => one.type === "SRV" ? one.target : []))];
    const found = await this.#addresses(targets, beside, conf, signal);
    if (found.kind === "failed") return found;
    for (const record of records) {
      if (record.type === "A" || record.type === "AAAA") places.push({ address: record.address });
      if (record.type !== "SRV") continue;
      for (const { address, ttl } of found.addresses.get(record.target) ?? []) {
        places.push({ address, port: record.port, target: record.target });
        least = Math.min(least, ttl);
      }
    }
    return { kind: "found", places, ttlMs: least * 1000 };
  }

  /** The addresses of a service's names: those that came with it, and of the others what servers say. */
  async #addresses(
    targets: readonly string[],
    beside: readonly DnsRecord[],
    conf: ResolvConf,
    signal: AbortSignal,
  ): Promise<
    | { readonly kind: "found"; readonly addresses: ReadonlyMap<string, readonly Address[]> }
    | { readonly kind: "failed"; readonly why: string }
  > {
    const came = Map.groupBy(beside.filter(isAddress), ({ name }) => name);
    const addresses = new Map<string, readonly Address[]>();
    const left = targets.values();
    const faults: string[] = [];
    const worker = async (): Promise<void> => {
      for (const target of left) {
        if (faults.length > 0) return;
        const given = came.get(target);
        const told = given === undefined
          ? await this.#addressesOf(target, conf, signal)
          : oneFamily(given);
        if (typeof told === "string") faults.push(`${target}: ${told}`);
        else addresses.set(target, told);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const [why] = faults;
    return why === undefined ? { kind: "found", addresses } : { kind: "failed", why };
  }

  /** Of IPv6 only where there is none of IPv4; why not, where nobody could say. */
  async #addressesOf(
    target: string,
    conf: ResolvConf,
    signal: AbortSignal,
  ): Promise<readonly Address[] | string> {
    for (const type of ["A", "AAAA"] as const) {
      const final = await this.#look(target, type, conf, signal);
      if (final.kind === "failed") return final.why;
      // A name that this one leads to may have the record: it is the target's all the same.
      if (final.kind === "records") {
        return final.records.filter(isAddress).map((one) => ({ ...one, ttl: final.ttl }));
      }
    }
    return [];
  }
}

type Address = Extract<DnsRecord, { readonly type: "A" | "AAAA" }>;

function isAddress(record: DnsRecord): record is Address {
  return record.type === "A" || record.type === "AAAA";
}

/** An engine with an address of each family is one engine. */
function oneFamily(addresses: readonly Address[]): readonly Address[] {
  const old = addresses.filter(({ type }) => type === "A");
  return old.length > 0 ? old : addresses;
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function serverText({ host, port }: DnsServer): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
