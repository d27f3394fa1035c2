/** Which front the routers of tests have: the router's own, or the one on the platform's server. @module */
import type { AppPorts } from "../../lib/app.ts";
import { type Clock, systemClock } from "../../lib/base/mod.ts";
import { startDenoFront } from "../../lib/front/mod.ts";

/** Names the front: `http1`, as without it, or `deno`. */
const VARIABLE = "PD_ROUTER_TEST_FRONT";

/** Timers of a front on which nobody waits: the platform's server looks after its connections itself. */
export const FRONT_TIMERS = Deno.env.get(VARIABLE) === "deno" ? 0 : 1;

/** The front that was asked for, as a router on `clock` takes it. Throws for a name that is none. */
export function frontPorts(clock: Clock = systemClock()): Pick<AppPorts, "front"> {
  const name = Deno.env.get(VARIABLE) ?? "http1";
  switch (name) {
    case "http1":
      return {};
    case "deno":
      return {
        front: (options, handler) => startDenoFront(options, handler, { clock }),
      };
    default:
      throw new Error(`${VARIABLE} is http1 or deno, received ${JSON.stringify(name)}`);
  }
}
