import { warmUp } from "../lib/app_warm_up.ts";
import { seededRandom, systemClock } from "../lib/base/mod.ts";
import { configOf, FLEET, PAIR } from "./config/support.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { FakeClock, settle } from "./support/fake_clock.ts";

const ports = { clock: systemClock(), random: seededRandom(1) };

const PAIRS = {
  "direct": FLEET,
  "P1": { "nixl-proxy-host": "127.0.0.1", ...PAIR, decode: `${PAIR.decode};init=1;alloc=2` },
  "D1": {
    "nixl-proxy-host": "127.0.0.1",
    ...PAIR,
    decode: `${PAIR.decode};init=1;alloc=2;first_token=decode`,
  },
  "NixlConnector": { ...PAIR, "kv-protocol": "nixl" },
  "shared storage": { ...PAIR, "kv-protocol": "shared_storage" },
} as const;

for (const [way, flags] of Object.entries(PAIRS)) {
  Deno.test(`warmUp() has everything answered well, ${way}`, async () => {
    const { signal } = new AbortController();
    const { requests, failed } = await warmUp(configOf({ flags }), { ...ports, signal });
    assert(requests > 0, `${requests}`);
    assertEquals(failed, 0);
  });
}

Deno.test("warmUp() leaves out what reaches out of the process, or keeps clients out", async () => {
  const flags = {
    ...FLEET,
    "api-key": "secret",
    "tls-ca": "/nowhere/ca.pem",
    "enable-batch-api": "true",
    "file-storage-path": "/nowhere/files",
    "admin-listen": "127.0.0.1:0",
    "admin-api-key": "secret",
    "root-path": "/below",
  };
  const { signal } = new AbortController();
  const { requests, failed } = await warmUp(configOf({ flags }), { ...ports, signal });
  assertEquals([requests > 0, failed], [true, 0]);
});

Deno.test("warmUp() ends when it is told to", async () => {
  const { requests } = await warmUp(configOf({ flags: FLEET }), {
    ...ports,
    signal: AbortSignal.abort(),
  });
  assertEquals(requests, 0);
});

Deno.test("warmUp() ends when it is told to in the middle, though no time goes by", async () => {
  const stop = new AbortController();
  const clock = new FakeClock();
  const warming = warmUp(configOf({ flags: FLEET }), { ...ports, clock, signal: stop.signal });
  await settle();
  stop.abort();
  const { requests } = await warming;
  assert(requests < 960, `${requests}`);
  assertEquals(clock.pending, 0);
});

Deno.test("warmUp() rests behind each few requests while somebody waits for an answer", async () => {
  for (const [waits, most] of [[true, 12], [false, Infinity]] as const) {
    const stop = new AbortController();
    const clock = new FakeClock();
    let looks = 0;
    const busy = (): boolean => {
      looks++;
      return waits;
    };
    const warming = warmUp(configOf({ flags: FLEET }), {
      ...ports,
      clock,
      signal: stop.signal,
      busy,
    });
    for (let ms = 0; ms < 50; ms++) {
      await settle();
      await clock.advance(1);
    }
    stop.abort();
    await warming;
    assert(looks > 0 && looks <= most, `${looks} looks, waits: ${waits}`);
    if (!waits) assert(looks > 20, `${looks} looks`);
  }
});
