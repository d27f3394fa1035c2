import { seededRandom } from "../../lib/base/mod.ts";
import { decodeMessage, encodeQuery, isCut, plainName } from "../../lib/dns/message.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { questionBytes, readQuery, writeAnswer, type WrittenAnswer } from "../support/dns_bytes.ts";

const QUESTION = questionBytes("vllm.test", "A");
const ANSWERS: WrittenAnswer["answers"] = [
  ["vllm.test", { type: "CNAME", ttl: 60, target: "Pods.test" }],
  ["pods.test", { type: "A", ttl: 5, address: "10.0.0.1" }],
  ["pods.test", { type: "AAAA", ttl: 6, address: "fd00::1:2" }],
];
const WHOLE = { id: 0xabcd, question: QUESTION, code: 0, answers: ANSWERS } as const;

Deno.test("encodeQuery() writes a question as strict servers read it", () => {
  for (const type of ["A", "AAAA", "SRV"] as const) {
    const query = readQuery(encodeQuery(0x1234, { name: "_http._tcp.vllm.test", type }, true));
    const { id, name, room } = query;
    assertEquals({ id, name, type: query.type, room }, {
      id: 0x1234,
      name: "_http._tcp.vllm.test",
      type,
      room: 1232,
    });
  }
  assertEquals(readQuery(encodeQuery(1, { name: "a.test", type: "A" }, false)).room, 512);
});

Deno.test("decodeMessage() reads records of every kind, and names with pointers", () => {
  const message = decodeMessage(writeAnswer({
    ...WHOLE,
    additionals: [["vllm.test", { type: "SRV", ttl: 7, target: "Pod-0.test", port: 8000 }]],
  }));
  assertEquals(message, {
    id: 0xabcd,
    code: "NOERROR",
    truncated: false,
    question: { name: "vllm.test", type: "A" },
    answers: [
      { type: "CNAME", name: "vllm.test", ttl: 60, target: "pods.test" },
      { type: "A", name: "pods.test", ttl: 5, address: "10.0.0.1" },
      { type: "AAAA", name: "pods.test", ttl: 6, address: "fd00::1:2" },
    ],
    additionals: [{ type: "SRV", name: "vllm.test", ttl: 7, target: "pod-0.test", port: 8000 }],
    negativeTtl: undefined,
  });
});

Deno.test("decodeMessage() tells how long nothing holds, and which code it is", () => {
  for (const [code, name] of [[0, "NOERROR"], [2, "SERVFAIL"], [3, "NXDOMAIN"], [5, "REFUSED"]]) {
    const bytes = writeAnswer({ id: 1, question: QUESTION, code: Number(code), negativeTtl: 9 });
    const message = decodeMessage(bytes);
    assertEquals([message?.code, message?.negativeTtl], [name, 9]);
  }
});

Deno.test("decodeMessage() takes a TTL of more than 31 bits for none", () => {
  const answers = [["vllm.test", { type: "A", ttl: 0xffffffff, address: "10.0.0.1" }]] as const;
  assertEquals(decodeMessage(writeAnswer({ ...WHOLE, answers }))?.answers[0]?.ttl, 0);
});

Deno.test("decodeMessage() takes no service without a port", () => {
  const answers = [["vllm.test", { type: "SRV", ttl: 1, target: "a.test", port: 0 }]] as const;
  assertEquals(decodeMessage(writeAnswer({ ...WHOLE, answers }))?.answers, []);
});

Deno.test("decodeMessage() makes nothing of a message that is cut anywhere", () => {
  const bytes = writeAnswer(WHOLE);
  for (let end = 0; end < bytes.length; end++) {
    assertEquals(decodeMessage(bytes.slice(0, end)), undefined, `${end} of ${bytes.length}`);
  }
  assert(decodeMessage(bytes) !== undefined);
});

Deno.test("decodeMessage() survives bytes of every kind", () => {
  const random = seededRandom(5);
  const right = writeAnswer(WHOLE);
  for (let round = 0; round < 20_000; round++) {
    const bytes = round % 2 === 0
      ? Uint8Array.from({ length: Math.floor(random.next() * 90) }, () => random.next() * 256)
      : right.slice();
    for (let change = 0; round % 2 === 1 && change < 1 + round % 4; change++) {
      bytes[Math.floor(random.next() * bytes.length)] = random.next() * 256;
    }
    const message = decodeMessage(bytes);
    for (const record of message?.answers ?? []) {
      assert(record.ttl >= 0 && record.ttl < 2 ** 31);
      if (record.type === "A") assert(/^\d+\.\d+\.\d+\.\d+$/.test(record.address));
    }
  }
});

Deno.test("decodeMessage() makes nothing of names that point at themselves or onward", () => {
  const bytes = writeAnswer(WHOLE);
  const owner = 12 + QUESTION.length;
  for (const target of [owner, owner + 2, 0x3fff]) {
    const looped = bytes.slice();
    looped[owner] = 0xc0 | target >> 8;
    looped[owner + 1] = target & 0xff;
    assertEquals(decodeMessage(looped), undefined, `${target}`);
  }
});

Deno.test("decodeMessage() makes nothing of questions, and of answers to several", () => {
  const question = Uint8Array.from(encodeQuery(7, { name: "vllm.test", type: "A" }, true));
  assertEquals(decodeMessage(question), undefined);
  const none = writeAnswer({ ...WHOLE, answers: [] });
  none[5] = 0;
  assertEquals(decodeMessage(none.slice(0, 12)), undefined);
});

Deno.test("isCut() knows the answer to a question that is cut wherever it may be", () => {
  const bytes = writeAnswer({ ...WHOLE, truncated: true });
  for (let end = 12; end < bytes.length; end++) assert(isCut(bytes.slice(0, end), 0xabcd));
  assertEquals(isCut(bytes.slice(0, 11), 0xabcd), false);
  assertEquals(isCut(bytes, 0xabce), false);
  assertEquals(isCut(writeAnswer(WHOLE), 0xabcd), false);
});

Deno.test("plainName() is how names are compared", () => {
  assertEquals(plainName("VLLM.Test."), "vllm.test");
});
