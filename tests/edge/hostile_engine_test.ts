import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { TurningClock } from "../support/turning_clock.ts";
import {
  type Answer,
  ask,
  chunk,
  data,
  got,
  passing,
  prefilled,
  RELAYED,
  type RouteName,
  ROUTES,
  served,
  startRoute,
  streamOf,
} from "./support.ts";

/** An address inside, which no client is to learn. */
const INSIDE = "10.9.8.7";
const PAGE = `<!DOCTYPE html><html><a href="http://${INSIDE}/">moved</a></html>`;
const HTML = { "content-type": "text/html" };

async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** How often engines are counted as failed. */
async function failures(url: string): Promise<number> {
  const lines = (await metricsOf(url)).matchAll(/^pd_router_engine_errors_total\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Every route, streamed and not, with an engine at its end that answers by `answer`. */
function eachRoute(
  what: string,
  answer: (stream: boolean) => Answer,
  check: (
    route: Awaited<ReturnType<typeof startRoute>>,
    at: { readonly name: RouteName; readonly stream: boolean },
  ) => Promise<void>,
  names: readonly RouteName[] = ROUTES,
): void {
  for (const name of names) {
    for (const stream of [false, true]) {
      Deno.test(`${what}: ${name}, stream ${stream}`, async () => {
        await using route = await startRoute(name, answer(stream));
        await check(route, { name, stream });
        await route.quiet();
      });
    }
  }
}

const NO_ANSWERS: readonly (readonly [
  name: string,
  answer: (stream: boolean) => Response,
])[] = [
  [
    "a redirection",
    () => new Response(PAGE, { status: 302, headers: { location: `http://${INSIDE}/`, ...HTML } }),
  ],
  ["a page", () => new Response(PAGE, { headers: HTML })],
  ["no content", () => new Response(null, { status: 204 })],
  ["nothing new", () => new Response(null, { status: 304 })],
  [
    "a part of an answer",
    (stream) => new Response(stream ? data("[DONE]") : "{}", { status: 206 }),
  ],
  ["bare text", () => new Response("ok")],
  [
    "events for JSON, JSON for events",
    (stream) => stream ? Response.json(chunk("a")) : streamOf([data(chunk("a")), data("[DONE]")]),
  ],
];

for (const [what, answer] of NO_ANSWERS) {
  // In mode P1 the decode leg streams whatever the client asks for.
  const streams = what.startsWith("events");
  eachRoute(
    `${what} is no answer`,
    (stream) => () => answer(stream),
    async (route, { name, stream }) => {
      const { status, text, error, done } = await got(await ask(route, { stream }));
      const begun = name === "P1" && stream;
      assertEquals([status, error?.["code"], done], [begun ? 200 : 502, 502, false]);
      assertEquals(text.includes(INSIDE), false, text);
      assertEquals(text.includes("<"), false, text);
      assert(await failures(route.router.url) > 0, "the engine has failed");
    },
    streams ? RELAYED : ROUTES,
  );
}

for (const status of [500, 502, 504]) {
  eachRoute(
    `a proxy's page with ${status} is no answer`,
    () => () => new Response(PAGE, { status, headers: HTML }),
    async (route, { name, stream }) => {
      const { status: told, text, error } = await got(await ask(route, { stream }));
      assertEquals([told, error?.["code"]], [name === "P1" && stream ? 200 : 502, 502]);
      assertEquals(text.includes(INSIDE) || text.includes("<"), false, text);
    },
  );
}

const LIMITS = {
  "retry-after": "7",
  "x-ratelimit-remaining-requests": "0",
  "x-ratelimit-reset-tokens": "3s",
};

function refusal(status: number): Response {
  const error = {
    message: `no ${status}`,
    type: "SomeError",
    param: null,
    code: status,
    more: [1],
  };
  return Response.json({ error }, { status, headers: LIMITS });
}

for (const status of [400, 401, 404, 413, 422, 429, 503]) {
  eachRoute(
    `an engine's ${status} stays what it is`,
    () => () => refusal(status),
    async (route, { name, stream }) => {
      const answer = await got(await ask(route, { stream }));
      const { error } = await refusal(status).json();
      assertEquals(answer.error, error);
      if (name === "P1" && stream) {
        assertEquals([answer.status, answer.said, answer.done], [200, " one", false]);
        return;
      }
      assertEquals(answer.status, status);
      for (const [field, value] of Object.entries(LIMITS)) {
        assertEquals(answer.headers.get(field), value);
      }
    },
  );

  for (const name of ROUTES.filter((route) => route !== "direct")) {
    Deno.test(`a prefill engine's ${status} stays what it is: ${name}`, async () => {
      const prefill: Answer = () => refusal(status);
      await using route = await startRoute(name, served, { prefill });
      for (const stream of [false, true]) {
        const answer = await got(await ask(route, { stream }));
        assertEquals([answer.status, answer.error?.["message"]], [status, `no ${status}`]);
        assertEquals(answer.headers.get("retry-after"), "7");
      }
      await route.quiet();
      assertEquals([route.asked(), route.drains()], [[], 0], "nothing has moved");
    });
  }
}

for (const status of [403, 413, 429, 503]) {
  eachRoute(
    `a proxy's page with ${status} keeps its status, in words of JSON`,
    () => () => new Response(PAGE, { status, headers: { ...HTML, ...LIMITS } }),
    async (route, { name, stream }) => {
      const answer = await got(await ask(route, { stream }));
      assertEquals(answer.error?.["code"], status);
      assertEquals(answer.text.includes(INSIDE) || answer.text.includes("<"), false, answer.text);
      if (name === "P1" && stream) return;
      assertEquals([answer.status, answer.headers.get("retry-after")], [status, "7"]);
      assertStringIncludes(answer.headers.get("content-type") ?? "", "application/json");
    },
  );
}

for (const status of [429, 503]) {
  for (const name of ROUTES) {
    Deno.test(`another engine answers where one has no room, ${status}: ${name}`, async () => {
      for (const stream of [false, true]) {
        // The head of a stream in mode P1 is out before its decode engine is asked.
        if (name === "P1" && stream) continue;
        await using route = await startRoute(name, () => refusal(status), { engines: 2 });
        for (let round = 0; round < 4; round++) {
          const answer = await got(await ask(route, { stream }));
          assertEquals(answer.status, 200, answer.text);
          assert(answer.said.endsWith(" two"));
        }
        await route.quiet();
      }
    });
  }

  for (const name of ROUTES.filter((route) => route !== "direct")) {
    Deno.test(`another prefill engine is asked where one has no room, ${status}: ${name}`, async () => {
      const prefill: Answer = () => refusal(status);
      await using route = await startRoute(name, served, { prefill, engines: 2 });
      for (let round = 0; round < 4; round++) {
        for (const stream of [false, true]) {
          assertEquals((await got(await ask(route, { stream }))).error, undefined);
        }
      }
      await route.quiet();
    });
  }

  Deno.test(`an engine's ${status} to a tokenization stays what it is, when no other can`, async () => {
    const tokenize: Answer = () => refusal(status);
    await using alone = await startRoute("P1", served, { tokenize });
    const answer = await got(await ask(alone));
    assertEquals([answer.status, answer.headers.get("retry-after")], [status, "7"]);
    await alone.quiet();
    await using two = await startRoute("P1", served, { tokenize, engines: 2 });
    for (let round = 0; round < 4; round++) {
      assertEquals((await got(await ask(two))).status, 200);
    }
    await two.quiet();
  });
}

const REFUSED = {
  error: { message: "too odd", type: "BadRequestError", param: "logprobs", code: 400 },
};

eachRoute(
  "a refusal in the stream is the client's",
  () => ({ text }) =>
    JSON.parse(text).stream === true
      ? streamOf([data(REFUSED), data("[DONE]")])
      : Response.json(REFUSED, { status: 400 }),
  async (route, { name, stream }) => {
    const answer = await got(await ask(route, { stream }));
    assertEquals(answer.error, REFUSED.error);
    // What one engine streams passes as it is.
    const begun = stream && (name === "P1" || name === "direct");
    assertEquals(answer.status, begun ? 200 : 400);
    await route.quiet();
    assertEquals(route.asked().length, 1, "no second attempt");
    assertEquals(await failures(route.router.url), 0, "no engine is blamed");
    // The decode engine has not read it; what a NixlConnector said is good for one request alone.
    const held = name === "P1" || name === "D1";
    assertEquals(route.drains(), held ? 1 : 0);
  },
);

Deno.test("a failure in the stream stays one: it is blamed on the engine, and tried again", async () => {
  const failure = { error: { message: "no KV", type: "InternalServerError", code: 500 } };
  for (const name of ["D1", "NixlConnector", "shared storage"] as const) {
    const answer: Answer = () => streamOf([data(failure), data("[DONE]")]);
    await using route = await startRoute(name, answer, { engines: 2 });
    for (let round = 0; round < 3; round++) {
      assertEquals((await got(await ask(route, { stream: true }))).said, " two");
    }
    assert(await failures(route.router.url) > 0);
    await route.quiet();
  }
});

for (const finish of ["remote_decode", "repetition", "content_filter", "length"]) {
  for (const name of ROUTES.filter((route) => route !== "direct")) {
    Deno.test(`a prefill that ends with '${finish}' goes on: ${name}`, async () => {
      const prefill: Answer = () => prefilled({}, { finish_reason: finish });
      await using route = await startRoute(name, served, { prefill });
      for (const stream of [false, true]) {
        const { error, said } = await got(await ask(route, { stream }));
        assertEquals([error, said], [undefined, name === "P1" ? " one two" : " two"]);
      }
      await route.quiet();
    });
  }
}

for (const finish of ["abort", "error"]) {
  for (const name of ROUTES.filter((route) => route !== "direct")) {
    Deno.test(`a prefill that ends with '${finish}' has failed: ${name}`, async () => {
      const prefill: Answer = () => prefilled({}, { finish_reason: finish });
      await using route = await startRoute(name, served, { prefill });
      assertEquals((await got(await ask(route))).status, 502);
      await route.quiet();
    });
  }
}

/** Events without end. */
function* endless(): Generator<string> {
  for (;;) yield data(chunk(" a"));
}

for (const stream of [false, true]) {
  Deno.test(`a decode engine that does not end is ended, stream ${stream}`, async () => {
    await using route = await startRoute("P1", () => streamOf(endless()));
    const answer = await got(await ask(route, { stream }));
    assertEquals([answer.status, answer.error?.["code"]], [stream ? 200 : 502, 502]);
    assertStringIncludes(String(answer.error?.["message"]), "goes on beyond the 8 tokens");
    assert(answer.said.length < 300, `${answer.said.length} characters`);
    await route.quiet();
    assert(await failures(route.router.url) > 0);
  });
}

/** What drips for ever: comments in a stream, white space in JSON. */
const drips: Answer = ({ text }) => {
  let timer: ReturnType<typeof setInterval>;
  const stream = JSON.parse(text).stream === true;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const drop = new TextEncoder().encode(stream ? ": x\n\n" : " ");
      timer = setInterval(() => controller.enqueue(drop), 5);
    },
    cancel: () => clearInterval(timer),
  });
  const type = stream ? "text/event-stream" : "application/json";
  return new Response(body, { headers: { "content-type": type } });
};

for (const name of ROUTES) {
  for (const stream of [true, false]) {
    Deno.test(`what drips for ever ends with the request's time: ${name}, stream ${stream}`, async () => {
      const clock = new TurningClock();
      const changes = { router: { clock, requests: { timeoutMs: 2_000 } } };
      await using route = await startRoute(name, drips, changes);
      // A body whose head is out is cut, so that nobody takes it for whole.
      const asking = ask(route, { stream }).then(got);
      const answer = await passing(clock, 200, asking).catch(() => undefined);
      const cut = name === "direct" && !stream;
      assertEquals(answer?.error?.["code"], cut ? undefined : 504);
      await passing(clock, 200, route.quiet());
    });
  }
}

Deno.test("a list of prompts is refused by what one of its engines says", async () => {
  for (const [status, stream] of [[400, false], [429, false], [503, true], [400, true]] as const) {
    await using route = await startRoute("shared storage", () => refusal(status));
    const answer = await got(await ask(route, { prompt: ["a", "b"], stream }));
    assertEquals([answer.status, answer.error?.["code"]], [status, status]);
    assertEquals(answer.headers.get("retry-after"), "7");
    await route.quiet();
  }
});

Deno.test("a list of prompts ends with an event that names the status of a later one", async () => {
  const answer: Answer = (request) =>
    JSON.parse(request.text).prompt === "no" ? refusal(422) : served(request);
  await using route = await startRoute("shared storage", answer);
  const prompt = [...Array.from({ length: 8 }, () => "a"), "no"];
  const { status, error, done } = await got(await ask(route, { prompt, stream: true }));
  assertEquals([status, error?.["code"], error?.["message"], done], [200, 422, "no 422", false]);
  await route.quiet();
});

Deno.test("a bystander goes on while a large event is worked on", async () => {
  const MIB = 1024 * 1024;
  const size = 12 * MIB;
  const piece = "123456,".repeat(9_000);
  const large = function* (): Generator<string> {
    const [before, after] = JSON.stringify(chunk("a", { prompt_token_ids: [0] })).split("[0]");
    yield `data: ${before}[`;
    for (let sent = 0; sent < size; sent += piece.length) yield piece;
    yield `0]${after}\n\n`;
    yield data(chunk("b", { finish_reason: "length" }));
    yield data("[DONE]");
  };
  // An event of the bystander's is sent when the one before has been read.
  let next = Promise.withResolvers<void>();
  let under = true;
  const bystander: Answer = () => {
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await next.promise;
        next = Promise.withResolvers();
        controller.enqueue(new TextEncoder().encode(data(under ? chunk(".") : "[DONE]")));
        if (!under) controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  for (const name of ROUTES) {
    under = true;
    next = Promise.withResolvers();
    await using other = await startRoute("direct", bystander);
    await using route = await startRoute(name, () => streamOf(large()));
    const reader = (await ask(other, { stream: true })).body?.getReader();
    assert(reader !== undefined);
    const attack = ask(route, { stream: true }).then(got).finally(() => under = false);
    let rounds = 0;
    for (;;) {
      next.resolve();
      if ((await reader.read()).done) break;
      rounds++;
    }
    const answer = await attack;
    assertEquals(answer.error, undefined, answer.text.slice(0, 300));
    assertEquals(answer.said, name === "P1" ? " oneab" : "ab");
    assert(rounds >= 10, `${name}: ${rounds} events of the bystander's`);
    await Promise.all([route.quiet(), other.quiet()]);
  }
});

Deno.test("an event without end is refused, and its engine's exchange ended", async () => {
  let sent = 0;
  const MIB = 1024 * 1024;
  const piece = new Uint8Array(MIB).fill(0x61);
  const endlessEvent = function* (): Generator<string | Uint8Array> {
    yield "data: ";
    for (;; sent += MIB) yield piece;
  };
  await using route = await startRoute("P1", () => streamOf(endlessEvent()));
  const { status, error, said } = await got(await ask(route, { stream: true }));
  assertEquals([status, error?.["code"], said], [200, 502, " one"]);
  assertStringIncludes(String(error?.["message"]), "An SSE event exceeds");
  await route.quiet();
  await eventually(() => sent > 64 * MIB);
  assert(sent < 100 * MIB, `${sent} bytes were sent`);
});
