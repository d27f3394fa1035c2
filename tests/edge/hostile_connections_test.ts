/** Clients that connect and do not ask, or do not end asking. */
import { assert, assertEquals } from "../support/assert.ts";
import { SHORT_ANSWER, underAttack } from "../support/bystander.ts";
import { eventually } from "../support/eventually.ts";
import { type RawConnection, rawConnection, rawRequest, statusOf } from "../support/raw_request.ts";
import { sse } from "../support/scripted_pair.ts";
import { socketsOf } from "../support/sockets.ts";

/** One connection after another, closed with the stack. */
async function connections(
  stack: DisposableStack,
  port: number,
  count: number,
): Promise<readonly RawConnection[]> {
  const made: RawConnection[] = [];
  for (let index = 0; index < count; index++) made.push(stack.use(await rawConnection(port)));
  return made;
}

const BODY = JSON.stringify({ model: "m", prompt: "hi", max_tokens: 3 });
const WHOLE = `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
  `content-length: ${BODY.length}\r\n\r\n${BODY}`;

Deno.test("silent connections hold nothing but themselves, and go when they leave", async () => {
  await underAttack({}, async ({ port, router, step, asked }) => {
    const before = socketsOf(port);
    using stack = new DisposableStack();
    await connections(stack, port, 300);
    await eventually(() => socketsOf(port) === before + 300);
    await step();
    assertEquals([asked(), router.app.stats().waiters], [0, 0]);
    assertEquals(statusOf(await rawRequest(port, closing("GET", "/health"))), 200);
  });
});

for (const seed of [1, 2, 3]) {
  Deno.test(`half heads and half bodies ask nothing of engines, seed ${seed}`, async () => {
    await underAttack({ seed }, async ({ port, random, step, asked, mostHeld }) => {
      using stack = new DisposableStack();
      const clients = await connections(stack, port, 120);
      let sent = 0;
      for (const [index, client] of clients.entries()) {
        // Never whole: at least the last byte is missing.
        const cut = Math.floor(random.next() * (WHOLE.length - 1));
        await client.send(WHOLE.slice(0, cut));
        sent += cut;
        if (index % 40 === 0) await step();
      }
      assertEquals(asked(), 0);
      assert(mostHeld() <= sent, `${mostHeld()} bytes are held of ${sent}`);
    });
  });

  Deno.test(`a flood of pipelined requests is answered in order, seed ${seed}`, async () => {
    await underAttack({ seed }, async ({ port, random, step }) => {
      const wanted: number[] = [];
      let flood = "";
      for (let index = 0; index < 500; index++) {
        const [status, target] = PIPELINED[Math.floor(random.next() * PIPELINED.length)] ??
          PIPELINED[0];
        wanted.push(status);
        flood += `GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`;
      }
      const answering = rawRequest(port, flood + closing("GET", "/health"));
      for (let count = 0; count < 5; count++) await step();
      const answers = await answering;
      const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) =>
        Number(code)
      );
      assertEquals(statuses, [...wanted, 200]);
    });
  });
}

/** Targets with the status that each is answered with. */
const PIPELINED = [[200, "/health"], [404, "/nowhere"], [200, "/v1/models"], [
  405,
  "/v1/completions",
]] as const;

Deno.test("requests pipelined on one connection reach engines one at a time", async () => {
  let [running, most, asked] = [0, 0, 0];
  const decode = async (): Promise<Response> => {
    asked++;
    most = Math.max(most, ++running);
    // A turn, in which others would be asked.
    await new Promise((resolve) => setTimeout(resolve, 0));
    running--;
    return sse(SHORT_ANSWER);
  };
  await underAttack({ decode }, async ({ port, step }) => {
    const last = WHOLE.replace("host: x\r\n", "host: x\r\nconnection: close\r\n");
    const answering = rawRequest(port, WHOLE.repeat(30) + last);
    await step();
    const answers = await answering;
    assertEquals(answers.match(/HTTP\/1\.1 200 /g)?.length, 31);
    assertEquals(answers.match(/" one two three"/g)?.length, 31);
    assertEquals([asked, most], [31, 1]);
  });
});

Deno.test("thousands of header fields, and one of a megabyte, are refused without an engine", async () => {
  await underAttack({}, async ({ port, step, asked }) => {
    const fields = Array.from({ length: 5_000 }, (_, index) => `x-${index}: y\r\n`).join("");
    for (const more of [fields, `x-long: ${"y".repeat(2 ** 20)}\r\n`]) {
      const answer = await refused(port, WHOLE.replace("host: x\r\n", `host: x\r\n${more}`));
      assert([400, 413, 431, 0].includes(statusOf(answer)), answer.slice(0, 200));
      await step();
    }
    assertEquals(asked(), 0);
    assertEquals(statusOf(await rawRequest(port, closing("GET", "/health"))), 200);
  });
});

/** What is answered to a request that may be cut off before it is sent. */
async function refused(port: number, request: string): Promise<string> {
  using connection = await rawConnection(port);
  const sending = connection.send(request).catch((error) => {
    assert(GONE.some((kind) => error instanceof kind), String(error));
  });
  const answer = await connection.until("\r\n\r\n");
  await sending;
  return answer;
}

const GONE = [Deno.errors.BrokenPipe, Deno.errors.ConnectionReset];

Deno.test("random bytes as a request are answered 400 at most, and never reach an engine", async () => {
  await underAttack({ seed: 7 }, async ({ port, random, step, asked }) => {
    for (let round = 0; round < 60; round++) {
      const bytes = Array.from({ length: 200 }, () => String.fromCharCode(random.next() * 128));
      const answer = await refused(port, `${bytes.join("")}\r\n\r\n`);
      assert([0, 400, 404, 405].includes(statusOf(answer)), answer.slice(0, 200));
      if (round % 20 === 0) await step();
    }
    assertEquals(asked(), 0);
  });
});

Deno.test("random targets are one endpoint to the metrics, and answered 400, 404 or 405", async () => {
  await underAttack({ seed: 8 }, async ({ port, random, step, asked }) => {
    const letters = '/.%2eaZ\\;?#:@[]{}~*"<>|^`\u00e9';
    for (let round = 0; round < 200; round++) {
      const length = 1 + Math.floor(random.next() * 60);
      const target = Array.from(
        { length },
        () => letters[Math.floor(random.next() * letters.length)],
      );
      const answer = await rawRequest(port, closing("GET", `/${target.join("")}`));
      const status = statusOf(answer);
      // "/" and "//" are the router's own page.
      const own = status === 200 && /^[/]*([?]|$)/.test(target.join(""));
      assert(own || [400, 404, 405].includes(status), `${target.join("")}: ${answer}`);
      if (round % 50 === 0) await step();
    }
    assertEquals(asked(), 0);
    const figures = await rawRequest(port, closing("GET", "/metrics"));
    const endpoints = [...figures.matchAll(/^pd_router_requests_total\{endpoint="([^"]*)"/gm)];
    const other = endpoints.map(([, name]) => name).filter((name) => name !== "/");
    assertEquals([...new Set(other)], ["unknown"]);
  });
});

/** A request for one answer and the connection's end. */
function closing(method: string, target: string): string {
  return `${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
}
