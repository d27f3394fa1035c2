import { MOST_ALIASES, readAnswer } from "../../lib/dns/answer.ts";
import type { DnsMessage, DnsRecord } from "../../lib/dns/message.ts";
import { assertEquals } from "../support/assert.ts";

const ASKED = { name: "a.test", type: "A" } as const;

function message(answers: readonly DnsRecord[], more: Partial<DnsMessage> = {}): DnsMessage {
  return {
    id: 1,
    code: "NOERROR",
    truncated: false,
    question: ASKED,
    answers,
    additionals: [],
    negativeTtl: undefined,
    ...more,
  };
}

function at(name: string, address: string, ttl = 9): DnsRecord {
  return { type: "A", name, ttl, address };
}

function alias(name: string, target: string, ttl = 9): DnsRecord {
  return { type: "CNAME", name, ttl, target };
}

Deno.test("readAnswer() takes each record once, and the shortest time", () => {
  const answer = readAnswer(
    message([at("a.test", "10.0.0.1", 30), at("a.test", "10.0.0.2", 7), at("a.test", "10.0.0.1")]),
    ASKED,
  );
  assertEquals(answer.kind === "records" && answer.ttl, 7);
  assertEquals(
    answer.kind === "records" && answer.records.map((one) => one.type === "A" && one.address),
    ["10.0.0.1", "10.0.0.2"],
  );
});

Deno.test("readAnswer() takes records of the name that was asked for alone", () => {
  const other: DnsRecord = { type: "AAAA", name: "a.test", ttl: 1, address: "fd00::1" };
  assertEquals(readAnswer(message([at("b.test", "10.0.0.1"), other], { negativeTtl: 4 }), ASKED), {
    kind: "none",
    exists: true,
    ttl: 4,
  });
});

Deno.test("readAnswer() goes where names lead, whatever the order", () => {
  const answer = readAnswer(
    message([at("c.test", "10.0.0.1"), alias("b.test", "c.test", 3), alias("a.test", "b.test")]),
    ASKED,
  );
  assertEquals(answer, { kind: "records", records: [at("c.test", "10.0.0.1")], ttl: 3 });
});

Deno.test("readAnswer() says where else to ask", () => {
  assertEquals(readAnswer(message([alias("a.test", "b.test", 3)]), ASKED), {
    kind: "alias",
    name: "b.test",
    ttl: 3,
  });
  const none = { code: "NXDOMAIN", negativeTtl: 6 };
  assertEquals(readAnswer(message([alias("a.test", "b.test", 3)], none), ASKED), {
    kind: "none",
    exists: false,
    ttl: 6,
  });
});

Deno.test("readAnswer() ends where names lead to one another, or too far", () => {
  const why = "its names lead to one another";
  const circle = [alias("a.test", "b.test"), alias("b.test", "a.test")];
  assertEquals(readAnswer(message(circle), ASKED), { kind: "failed", why });
  const chain = Array.from(
    { length: MOST_ALIASES + 2 },
    (_, step) => alias(step === 0 ? "a.test" : `n${step}.test`, `n${step + 1}.test`),
  );
  assertEquals(readAnswer(message(chain), ASKED), { kind: "failed", why });
});

Deno.test("readAnswer() says which code a server failed with", () => {
  for (const code of ["SERVFAIL", "REFUSED", "FORMERR", "extended code 1"]) {
    assertEquals(readAnswer(message([at("a.test", "10.0.0.1")], { code }), ASKED), {
      kind: "failed",
      why: code,
    });
  }
});
