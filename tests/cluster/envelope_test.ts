import fc from "fast-check";
import { seededRandom } from "../../lib/base/mod.ts";
import {
  echoBytes,
  envelopeIn,
  gossipBytes,
  gossipIn,
  MAX_NUMBER,
  noticeBytes,
} from "../../lib/cluster/envelope.ts";
import { makeTag } from "../../lib/cluster/tag.ts";
import { assertEquals } from "../support/assert.ts";

const NUMBER = fc.integer({ min: 0, max: MAX_NUMBER });
const TAG = fc.integer().map((seed) => makeTag(seededRandom(seed)));

Deno.test("envelopeIn() gives back what was put in", () => {
  fc.assert(
    fc.property(TAG, NUMBER, fc.uint8Array({ minLength: 1 }), (from, number, frame) => {
      assertEquals(envelopeIn(noticeBytes(from, number, frame)), {
        kind: "notice",
        from,
        number,
        frame: new Uint8Array(frame),
      });
      assertEquals(envelopeIn(echoBytes(number)), { kind: "echo", number });
    }),
  );
});

Deno.test("gossipIn() gives back what was put in", () => {
  fc.assert(
    fc.property(TAG, fc.nat(64), fc.uint8Array(), (tag, worker, message) => {
      const from = worker === 0 ? tag : `${tag}.${worker}.1`;
      assertEquals(gossipIn(gossipBytes(from, message)), {
        from,
        message: new Uint8Array(message),
      });
    }),
  );
});

Deno.test("envelopeIn() and gossipIn() never throw, whatever comes", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      envelopeIn(bytes);
      gossipIn(bytes);
    }),
  );
  assertEquals(envelopeIn(noticeBytes("Nobody!!", 1, new Uint8Array(3))), undefined);
  assertEquals(gossipIn(gossipBytes("2.1", new Uint8Array(3))), undefined);
});
