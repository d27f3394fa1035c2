import { startSimEngine } from "../../lib/sim/mod.ts";
import { createLogger, seededRandom, systemClock } from "../../lib/base/mod.ts";
import { Pull } from "zeromq";
const clock = systemClock();
const ports = {
  clock,
  random: seededRandom(1),
  log: createLogger(clock, (l) => console.error(l), { level: "info", format: "text" }),
};
const pull = new Pull({ linger: 0 });
await pull.bind("tcp://127.0.0.1:0");
const port = Number(/:(\d+)$/.exec(pull.lastEndpoint ?? "")?.[1]);
const any = await startSimEngine({}, ports);
const P = await startSimEngine({
  role: "prefill",
  ranks: 2,
  proxyHost: "127.0.0.1",
  proxyPort: port,
}, ports);
const D = await startSimEngine({ role: "decode", ranks: 2 }, ports);
const post = async (e: { url: string }, path: string, body: unknown) => {
  const r = await fetch(e.url + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", "x-request-id": "X1" },
  });
  const t = await r.text();
  try {
    return JSON.parse(t);
  } catch {
    return t;
  }
};
console.log(await post(any, "/tokenize", { prompt: "Hello the river" }));
console.log(await post(any, "/v1/completions", { prompt: "Hello the river", max_tokens: 40 }));
console.log(
  await post(any, "/v1/completions", {
    prompt: "Hello [[sim:say é 世 good]]",
    max_tokens: 5,
    stream: true,
    stream_options: {},
  }),
);
console.log(
  (await post(any, "/v1/chat/completions", {
    messages: [{ role: "user", content: "Tell me" }],
    max_tokens: 300,
  })).choices[0],
);
console.log(
  await post(any, "/v1/chat/completions", {
    messages: [{ role: "user", content: '[[sim:call f {"a":{"b":[1,2]}}]]' }],
    tools: [{ type: "function", function: { name: "f" } }],
    stream: true,
  }),
);
const prompt = "Hello " + " the river".repeat(200);
const { tokens } = await post(P, "/tokenize", { prompt });
const p = await post(P, "/v1/completions", {
  prompt: tokens,
  max_tokens: 1,
  kv_transfer_params: {
    ret_first_tok: true,
    disagg_spec: {
      req_id: "r1",
      receiver_host: "127.0.0.1",
      receiver_init_port: D.initPorts,
      receiver_alloc_port: D.allocPorts,
    },
  },
});
console.log(p);
const wait = async () => {
  for (let i = 0; i < 200 && !pull.readable; i++) await new Promise((r) => setTimeout(r, 5));
  return pull.readable ? (await pull.receive())[0]!.toString() : "none";
};
console.log(await wait(), await wait());
console.log("held", D.stats().heldKv);
const d = await post(D, "/v1/completions", {
  prompt: [...tokens, p.kv_transfer_params.first_tok],
  max_tokens: 20,
});
const a = await post(any, "/v1/completions", { prompt, max_tokens: 21 });
console.log(p.choices[0].text + d.choices[0].text === a.choices[0].text, a.choices[0].text);
const s = D.stats();
console.log({ ...s, lastRequests: s.lastRequests.length });
await P.stop();
await D.stop();
await any.stop();
pull.close();
