import { decodeUtf8, encodeUtf8, jsonOf, RouterError } from "../../lib/base/mod.ts";
import { Call } from "../../lib/workers/call.ts";
import { encodeJson } from "../../lib/workers/codec.ts";
import { answerLive, type LiveRoundParts } from "../../lib/workers/live_round.ts";
import { takeTold } from "../../lib/workers/told.ts";
import { TOLD_MS } from "../../lib/workers/whole.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

/** Both ends of a call, without a link. */
function callPair(): { readonly near: Call; readonly far: Call } {
  const to = (other: () => Call): ConstructorParameters<typeof Call>[0] => ({
    head: (bytes) => other().onHead(bytes),
    data: (bytes) => other().onData(bytes),
    end: () => other().onEnd(),
    credit: (bytes) => other().onCredit(bytes),
    reset: (why) => other().fail(new RouterError("shutting-down", why)),
    forget: () => {},
  });
  const near: Call = new Call(to(() => far));
  const far: Call = new Call(to(() => near));
  return { near, far };
}

/** A worker that answers with what it was asked, or never. */
function worker(
  number: number,
  { silent = false, state = "serving" }: {
    readonly silent?: boolean;
    readonly state?: LiveRoundParts["workers"][number]["state"];
  } = {},
): LiveRoundParts["workers"][number] {
  return {
    ...{ number, life: 1, state },
    call(kind, head) {
      const { near, far } = callPair();
      if (silent) return near;
      far.answer(encodeJson({ status: 200, contentType: "application/json" }));
      void far.send(encodeUtf8(`{"asked":${JSON.stringify(kind)},"head":${decodeUtf8(head)}}`))
        .then(() => far.end());
      return near;
    },
  };
}

async function round(
  workers: LiveRoundParts["workers"],
  counts: Readonly<Record<string, number>>,
): Promise<unknown> {
  const clock = new FakeClock();
  const { near, far } = callPair();
  const told = takeTold(near, { clock, limitMs: 2 * TOLD_MS });
  const answered = answerLive({ clock, workers }, encodeJson(counts), far);
  await settle();
  await clock.advance(TOLD_MS);
  await answered;
  const body = (await told)?.body;
  assertEquals(clock.pending, 0);
  return body && jsonOf(body);
}

Deno.test("answerLive() lists what each worker tells, from the requests on that are known of it", async () => {
  const asked = (known: number | null) => ({ asked: "live-here", head: { known } });
  assertEquals(await round([worker(1), worker(2)], {}), [
    { of: "1.1", part: asked(null) },
    { of: "2.1", part: asked(null) },
  ]);
  assertEquals(await round([worker(1), worker(2)], { "1.1": 7 }), [
    { of: "1.1", part: asked(7) },
    { of: "2.1", part: asked(0) },
  ]);
});

Deno.test("answerLive() leaves out whoever does not answer in time, or does not serve", async () => {
  const workers = [worker(1, { silent: true }), worker(2), worker(3, { state: "starting" })];
  assertEquals(await round(workers, {}), [
    { of: "2.1", part: { asked: "live-here", head: { known: null } } },
  ]);
  assertEquals(await round([], {}), []);
});
