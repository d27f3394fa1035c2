import { encodeUtf8, Lease, RouterError, sha256 } from "../../lib/base/mod.ts";
import type { KeyLimits } from "../../lib/doors/mod.ts";
import { KeyState } from "../../lib/doors/key_state.ts";
import { KeyPass, OPEN_PASS } from "../../lib/doors/pass.ts";
import type { Answer, ByteSource } from "../../lib/request/mod.ts";
import { assertEquals, assertRejects, assertThrows, fail } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { bodyOf } from "./support.ts";

interface Setup {
  readonly state: KeyState;
  readonly pass: KeyPass;
  readonly refused: string[];
}

function setup(limits: KeyLimits): Setup {
  const state = new KeyState({ name: "team", digest: sha256("k"), limits }, new FakeClock());
  const running = state.enter();
  const refused: string[] = [];
  if (!(running instanceof Lease)) fail("not let in");
  return { state, refused, pass: new KeyPass(state, running, (reason) => refused.push(reason)) };
}

/** A request of 25 tokens and an answer of up to 100. */
const ASK = {
  asked: "m",
  model: "m",
  body: bodyOf({ model: "m", max_tokens: 100, prompt: "x".repeat(58) }),
};

function leftOf(state: KeyState): number {
  const [, left = ""] = state.fields()
    .find(([name]) => name === "x-ratelimit-remaining-tokens") ?? [];
  return Number(left);
}

function whole(text: string, status = 200): Answer {
  return { status, headers: [["content-type", "application/json"]], body: encodeUtf8(text) };
}

class Source implements ByteSource {
  cancelled = false;
  readonly #pieces: (string | Error)[];

  constructor(...pieces: (string | Error)[]) {
    this.#pieces = pieces;
  }

  read(): Promise<Uint8Array | undefined> {
    const piece = this.#pieces.shift();
    if (piece instanceof Error) return Promise.reject(piece);
    return Promise.resolve(piece === undefined ? undefined : encodeUtf8(piece));
  }

  cancel(): void {
    this.cancelled = true;
  }
}

function streamed(source: ByteSource): Answer {
  return { status: 200, headers: [["content-type", "text/event-stream"]], body: source };
}

function sourceOf({ body }: Answer): ByteSource {
  return body instanceof Uint8Array ? fail("whole") : body;
}

Deno.test("OPEN_PASS lets everything be", () => {
  const answer = whole("{}");
  OPEN_PASS.use(ASK);
  assertEquals([OPEN_PASS.key, OPEN_PASS.allows("x"), OPEN_PASS.attach(answer) === answer], [
    undefined,
    true,
    true,
  ]);
  OPEN_PASS.release();
});

Deno.test("KeyPass lets a key use its models, by their names or aliases of them", () => {
  const rows:
    readonly (readonly [models: readonly string[], asked: string, model: string, fine: boolean])[] =
      [
        [["m"], "m", "m", true],
        [["m"], "alias", "m", true],
        [["alias"], "alias", "m", true],
        [["alias"], "m", "m", false],
        [["other"], "m", "m", false],
      ];
  for (const [models, asked, model, fine] of rows) {
    const { pass, refused } = setup({ models });
    const use = (): void => pass.use({ ...ASK, asked, model });
    assertEquals(pass.allows(asked, model), fine);
    if (fine) use();
    else {
      const error = assertThrows(use, RouterError);
      assertEquals([error.code, error.param, refused], ["forbidden", "model", ["model"]]);
      assertEquals(error.message, `The key 'team' may not use the model '${asked}'`);
    }
  }
});

Deno.test("KeyPass charges what a whole answer tells it has used", () => {
  const { state, pass } = setup({ tokensPerMinute: 1000 });
  pass.use(ASK);
  assertEquals(leftOf(state), 1000 - ASK.body.bytes.length / 4 - 100);
  const answer = pass.attach(
    whole('{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'),
  );
  assertEquals(answer.headers.map(([name]) => name), [
    "content-type",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
  ]);
  pass.release();
  pass.release();
  assertEquals([leftOf(state), state.running], [985, 0]);
});

Deno.test("KeyPass charges what a stream tells, and about what it was where it tells nothing", async () => {
  const prompt = ASK.body.bytes.length / 4;
  const usage = 'data: {"usage":{"total_tokens":40}}\n\n';
  const rows: readonly (readonly [pieces: readonly string[], used: number])[] = [
    [['data: {"a":1}\n\n', usage, "data: [DONE]\n\n"], 40],
    [['data: {"a":1}\n\n', 'data: {"a":2}\n\n', "data: [DONE]\n\n"], prompt + 3],
    [[], prompt],
  ];
  for (const [pieces, used] of rows) {
    const { state, pass } = setup({ tokensPerMinute: 1000 });
    pass.use(ASK);
    const source = sourceOf(pass.attach(streamed(new Source(...pieces))));
    for (const piece of pieces) assertEquals(await source.read(), encodeUtf8(piece));
    assertEquals(await source.read(), undefined);
    pass.release();
    assertEquals(leftOf(state), 1000 - used);
  }
});

Deno.test("KeyPass charges what a client has seen that leaves, or whose answer breaks", async () => {
  const prompt = ASK.body.bytes.length / 4;
  const { state, pass } = setup({ tokensPerMinute: 1000 });
  pass.use(ASK);
  const inner = new Source("data: 1\n\n", new Error("lost"));
  const source = sourceOf(pass.attach(streamed(inner)));
  await source.read();
  await assertRejects(() => source.read(), Error, "lost");
  source.cancel();
  pass.release();
  assertEquals([leftOf(state), inner.cancelled], [1000 - prompt - 1, true]);
});

Deno.test("KeyPass charges nothing for what was not answered", () => {
  for (const attach of [true, false]) {
    const { state, pass } = setup({ tokensPerMinute: 1000 });
    pass.use(ASK);
    if (attach) pass.attach(whole('{"error":{"message":"m"}}', 400));
    pass.release();
    assertEquals(leftOf(state), 1000);
  }
});

Deno.test("KeyPass refuses what exceeds the tokens that are left, before anything is sent", () => {
  const { state, pass, refused } = setup({ tokensPerMinute: 200 });
  state.useTokens(150);
  const error = assertThrows(() => pass.use(ASK), RouterError);
  assertEquals([error.code, refused], ["rate-limited", ["tokens"]]);
  pass.release();
  assertEquals(leftOf(state), 50);
});

Deno.test("KeyPass takes tokens once, however often it is asked", () => {
  const { state, pass } = setup({ tokensPerMinute: 1000 });
  pass.use(ASK);
  const left = leftOf(state);
  pass.use(ASK);
  assertEquals(leftOf(state), left);
});

Deno.test("KeyPass tells of its own limits, not of an engine's", () => {
  const { pass } = setup({ requestsPerSecond: 2 });
  const { headers } = pass.attach({
    ...whole("{}"),
    headers: [["X-RateLimit-Limit-Requests", "9"], ["x-ratelimit-limit-tokens", "7"]],
  });
  assertEquals(headers.map(([name, value]) => `${name.toLowerCase()} ${value}`), [
    "x-ratelimit-limit-tokens 7",
    "x-ratelimit-limit-requests 2",
    "x-ratelimit-remaining-requests 1",
    "x-ratelimit-reset-requests 500ms",
  ]);
});
