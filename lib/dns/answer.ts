/** What a server's message says to a question. Pure. @module */
import type { DnsMessage, DnsQuestion, DnsRecord, RecordType } from "./message.ts";

/** The records of one type. */
export type RecordOf<T extends RecordType> = Extract<DnsRecord, { readonly type: T }>;

/** What came of a question; times in seconds. */
export type Answer =
  /** One record at least, each once. */
  | { readonly kind: "records"; readonly records: readonly DnsRecord[]; readonly ttl: number }
  /** It goes by another name, of which the message says nothing. */
  | { readonly kind: "alias"; readonly name: string; readonly ttl: number }
  /** There is such a name, or there is none; either way no record. */
  | { readonly kind: "none"; readonly exists: boolean; readonly ttl: number | undefined }
  | { readonly kind: "failed"; readonly why: string };

/** Most names that one may lead to in turn. */
export const MOST_ALIASES = 8;

/** What `message` says to `question`, along the names it leads to. */
export function readAnswer(message: DnsMessage, { name: asked, type }: DnsQuestion): Answer {
  const { code, answers, negativeTtl } = message;
  if (code !== "NOERROR" && code !== "NXDOMAIN") return { kind: "failed", why: code };
  let [name, ttl] = [asked, Infinity];
  for (let steps = 0; steps <= MOST_ALIASES; steps++) {
    const records = answers.filter((record) => record.type === type && record.name === name);
    if (records.length > 0) return { kind: "records", ...distinct(records, ttl) };
    const alias = answers.find((record) => record.type === "CNAME" && record.name === name);
    if (alias?.type !== "CNAME") {
      if (code === "NXDOMAIN") return { kind: "none", exists: false, ttl: negativeTtl };
      return steps > 0 && negativeTtl === undefined
        ? { kind: "alias", name, ttl }
        : { kind: "none", exists: true, ttl: negativeTtl };
    }
    ttl = Math.min(ttl, alias.ttl);
    name = alias.target;
  }
  return { kind: "failed", why: "its names lead to one another" };
}

/** Each record once, and the shortest of their times. */
function distinct(
  records: readonly DnsRecord[],
  ttl: number,
): { readonly records: readonly DnsRecord[]; readonly ttl: number } {
  const byContent = new Map(records.map((record) => [contentOf(record), record]));
  return {
    records: [...byContent.values()],
    ttl: records.reduce((least, record) => Math.min(least, record.ttl), ttl),
  };
}

function contentOf(record: DnsRecord): string {
  switch (record.type) {
    case "A":
    case "AAAA":
      return record.address;
    case "CNAME":
      return record.target;
    case "SRV":
      return `${record.target}:${record.port}`;
    default:
      return record satisfies never;
  }
}
