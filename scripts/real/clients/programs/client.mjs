// Checks of Node's clients: node client.mjs LIBRARY URL MODEL. One line of JSON for each.
import { createHash } from "node:crypto";
import http from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

const [library, url, model, undiciFrom] = process.argv.slice(2);
const PATH = "/v1/completions";
const headers = { "content-type": "application/json" };
const PROMPT = "a prompt";
const LARGE = "0123456789abcdef".repeat(4 * 65536);
const EVENTS = 20;

const row = (check, ok, seen) =>
  process.stdout.write(`${JSON.stringify({ check, ok: Boolean(ok), seen })}\n`);
const body = (prompt = PROMPT, more = {}) => JSON.stringify({ model, prompt, ...more });
const textOf = (answer) => JSON.parse(answer).choices[0].text;
const digest = (prompt) =>
  `${createHash("sha256").update(prompt).digest("hex")} ${Buffer.byteLength(prompt)}`;

function* pieces(text, size = 65536) {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
}

async function textFrom(source) {
  const all = [];
  for await (const chunk of source) all.push(chunk);
  return Buffer.concat(all).toString();
}

/** Events of a stream, and over how long they came. */
async function tellStream(source) {
  const times = [];
  let text = "";
  for await (const chunk of source) {
    times.push(performance.now());
    text += Buffer.from(chunk).toString();
  }
  const events = text.split("\n\n").filter((event) => event !== "");
  const done = events.pop() === "data: [DONE]";
  const said = events.map((event) => textOf(event.slice("data: ".length))).join("");
  const spread = times.at(-1) - times[0];
  const whole = said === Array.from({ length: EVENTS }, (_, at) => `t${at} `).join("");
  // Events that a buffer has held back come together.
  row(
    "stream",
    done && whole && spread > EVENTS * 5,
    `${events.length} events, ${spread.toFixed(0)} ms apart in all`,
  );
}

async function withHttp() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const open = (more = {}, from = agent) =>
    http.request(url + PATH, { method: "POST", agent: from, headers: { ...headers, ...more } });
  const answered = (request) =>
    new Promise((resolve, reject) => request.on("response", resolve).on("error", reject));
  const ask = async (data) => {
    const request = open({ "content-length": Buffer.byteLength(data) });
    const answer = answered(request);
    request.end(data);
    const text = await textFrom(await answer);
    return { text, reused: request.reusedSocket };
  };
  row("whole", textOf((await ask(body())).text) === digest(PROMPT), "200");
  let reused = 0;
  for (let at = 0; at < 20; at++) if ((await ask(body())).reused) reused++;
  row("keep-alive", reused === 20, `${reused} of 20 requests on a kept connection`);
  const stream = open();
  const events = answered(stream);
  stream.end(body(PROMPT, { stream: true, max_tokens: EVENTS }));
  await tellStream(await events);
  row("large", textOf((await ask(body(LARGE))).text) === digest(LARGE), `${LARGE.length} bytes`);
  const chunked = open({ "transfer-encoding": "chunked" });
  const whole = answered(chunked);
  Readable.from(pieces(body(LARGE))).pipe(chunked);
  row("chunked", textOf(await textFrom(await whole)) === digest(LARGE), `${LARGE.length} bytes`);
  const expecting = open({ expect: "100-continue", "content-length": body(LARGE).length });
  const last = answered(expecting);
  expecting.flushHeaders();
  await new Promise((resolve) => expecting.on("continue", resolve));
  expecting.end(body(LARGE));
  row("100-continue", textOf(await textFrom(await last)) === digest(LARGE), "waited for and got");
  const leaving = open({}, new http.Agent());
  const first = answered(leaving);
  leaving.end(body(PROMPT, { stream: true, user: `leave-stream-${library}` }));
  const answer = await first;
  answer.on("error", () => {});
  await new Promise((resolve) => answer.once("data", resolve));
  leaving.destroy();
  row("leaves a stream", true, "destroyed");
  const waiting = open({}, new http.Agent());
  waiting.on("error", () => {});
  waiting.end(body(PROMPT, { user: `leave-whole-${library}` }));
  await pause(300);
  waiting.destroy();
  row("leaves its answer", true, "destroyed");
  agent.destroy();
}

/** What fetch and undici's own call share. */
async function withAsk(post) {
  row("whole", textOf(await textFrom(await post(body()))) === digest(PROMPT), "200");
  await tellStream(await post(body(PROMPT, { stream: true, max_tokens: EVENTS })));
  row(
    "large",
    textOf(await textFrom(await post(body(LARGE)))) === digest(LARGE),
    `${LARGE.length} bytes`,
  );
  const chunked = await post(Readable.from(pieces(body(LARGE))));
  row("chunked", textOf(await textFrom(chunked)) === digest(LARGE), `${LARGE.length} bytes`);
  const leaving = new AbortController();
  for await (
    const _ of await post(
      body(PROMPT, { stream: true, user: `leave-stream-${library}` }),
      leaving.signal,
    )
  ) break;
  leaving.abort();
  row("leaves a stream", true, "left");
  const user = `leave-whole-${library}`;
  const held = post(body(PROMPT, { user }), AbortSignal.timeout(300));
  row("leaves its answer", await held.then(() => false, () => true), "aborted");
}

async function withFetch() {
  await withAsk(async (data, signal) => {
    const answer = await fetch(url + PATH, {
      method: "POST",
      headers,
      body: data,
      signal,
      duplex: "half",
    });
    return answer.body;
  });
}

async function withUndici() {
  const { Client, Pool } = createRequire(`${undiciFrom}/`)("undici");
  const pool = new Pool(url, { connections: 4 });
  await withAsk(async (data, signal) => {
    const answer = await pool.request({ path: PATH, method: "POST", headers, body: data, signal });
    return answer.body;
  });
  await pool.destroy();
  const client = new Client(url, { pipelining: 8 });
  let connects = 0;
  client.on("connect", () => connects++);
  let most = 0;
  const ask = async (at) => {
    const prompt = `prompt ${at}`;
    // POST is pipelined where it is said that it may be.
    const sent = client.request({
      path: PATH,
      method: "POST",
      headers,
      body: body(prompt),
      idempotent: true,
      blocking: false,
    });
    most = Math.max(most, client.stats?.running ?? 0);
    return textOf(await textFrom((await sent).body)) === digest(prompt);
  };
  const right = (await Promise.all(Array.from({ length: 64 }, (_, at) => ask(at)))).filter(Boolean);
  row(
    "pipelining",
    right.length === 64 && connects === 1,
    `${right.length} of 64 answers in order, 8 at a time, ${connects} connection`,
  );
  row("keep-alive", connects === 1, `64 requests, ${connects} connection`);
  await client.destroy();
}

await { "node:http": withHttp, fetch: withFetch, undici: withUndici }[library]();
