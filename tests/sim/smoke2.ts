import { startSimEngine, parseSimOptions } from "../../lib/sim/mod.ts";
import { createLogger, seededRandom, systemClock } from "../../lib/base/mod.ts";
const clock = systemClock();
const ports = { clock, random: seededRandom(1), log: createLogger(clock, (l) => console.error(l), { level: "info", format: "text" }) };
const e = await startSimEngine({...parseSimOptions({port: 0}), ...(Deno.args[0] ? { port: Number(Deno.args[0]) } : {})}, ports);
console.log(e.url);
if (Deno.args[0] === undefined) {
const post = async (path: string, body: unknown) => {
  const r = await fetch(e.url + path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", "x-request-id": "X1" } });
  return r.status + " " + await r.text();
};
console.log(await post("/v1/responses", { input: "[[sim:say hello there]]" }));
console.log(await post("/v1/responses", { input: "[[sim:say hello there]]", stream: true }));
console.log(await post("/v1/messages", { max_tokens: 5, messages: [{role:"user", content:"[[sim:say hello there]]"}], stream: true }));
console.log(await post("/v1/messages", { max_tokens: 500, messages: [{role:"user", content:"[[sim:say hello there]]"}] }));
console.log(await post("/v1/embeddings", { input: ["a", "b"] }));
console.log(await post("/v1/rerank", { query: "the river", documents: ["a river", "the river wide", "zzz"] }));
console.log(await post("/v1/score", { text_1: "the river", text_2: ["a river", "the river wide", "zzz"] }));
console.log(await (await fetch(e.url + "/metrics")).text());
await e.stop();
}
