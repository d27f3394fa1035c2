import { encodeUtf8 } from "../../lib/base/mod.ts";
import type { FrontBody } from "../../lib/front/mod.ts";
import { Hooks } from "../../lib/hooks/mod.ts";
import { createHandler, type HttpDeps } from "../../lib/http/mod.ts";
import { Background } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { handedOn, type HttpChanges, httpSetting, requestTo } from "../support/http_fakes.ts";
import { json } from "../support/scripted_upstream.ts";

/** A body of one part, which is the whole of its buffer unless something is `beside` it. */
function bodyOf(
  prompt: string,
  beside = 0,
): FrontBody & { readonly part: Uint8Array; readonly length: number } {
  const bytes = encodeUtf8(JSON.stringify({ model: "m", prompt }));
  const buffer = new Uint8Array(bytes.length + beside);
  buffer.set(bytes);
  const part = buffer.subarray(0, bytes.length);
  let left: Uint8Array | undefined = part;
  return {
    part,
    length: bytes.length,
    read() {
      const read = left;
      left = undefined;
      return Promise.resolve(read);
    },
  };
}

const LONG = "x".repeat(100_000);

/** How much is left of a request's body once it was answered. */
async function leftOf(
  body: ReturnType<typeof bodyOf>,
  changes: HttpChanges = {},
  more: (deps: HttpDeps) => Partial<HttpDeps> = () => ({}),
): Promise<readonly [status: number, left: number]> {
  const { deps } = httpSetting({ engines: [engineOf("a", "any")], ...changes });
  const handler = createHandler({ ...deps, ...more(deps) });
  const request = { ...handedOn(requestTo("/v1/completions", "{}")), body };
  const answer = await handler(request);
  const { body: told } = answer;
  if (!(told instanceof Uint8Array)) { while (await told.read() !== undefined); }
  return [answer.status, body.part.length];
}

Deno.test("receiveJson() has a large body given back as soon as its answer has gone well", async () => {
  assertEquals(await leftOf(bodyOf(LONG)), [200, 0]);
});

Deno.test("receiveJson() leaves a body to the collector that failed, is small, or has a buffer with others", async () => {
  const failing = { script: () => json({ error: "x" }, 500) };
  const [status, left] = await leftOf(bodyOf(LONG), failing);
  assertEquals([status >= 500, left > LONG.length], [true, true]);
  const small = bodyOf("x".repeat(1_000));
  const { length } = small.part;
  assertEquals(await leftOf(small), [200, length]);
  const part = bodyOf(LONG, 10);
  assertEquals(await leftOf(part), [200, part.length]);
});

Deno.test("receiveJson() leaves a body that the operator's callbacks have seen", async () => {
  const seen: Uint8Array[] = [];
  const body = bodyOf(LONG);
  const [status, left] = await leftOf(body, {}, ({ clock, log, metrics }) => ({
    hooks: new Hooks({
      callbacks: {
        preRequest({ body }) {
          seen.push(body);
        },
      },
    }, { clock, log, metrics, background: new Background(log), timeoutMs: 100 }),
  }));
  assertEquals([status, left, seen.map((bytes) => bytes.length)], [200, body.length, [left]]);
});
