import { parseSimOptions, startSimEngine } from "../../lib/sim/mod.ts";
import { seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
const e = await startSimEngine(parseSimOptions(JSON.parse(Deno.args[0] ?? "{}")), {
  clock: systemClock(),
  random: seededRandom(1),
  log: silentLogger(),
});
console.log(new URL(e.url).port + " " + Deno.pid);
