/** Both fronts are fronts. */
import { systemClock } from "../../lib/base/mod.ts";
import { startDenoFront, startHttp1 } from "../../lib/front/mod.ts";
import { testFront } from "./front_conformance.ts";

const parts = { clock: systemClock() };

testFront("startHttp1()", (options, handler) => startHttp1(options, handler, parts));
testFront("startDenoFront()", (options, handler) => startDenoFront(options, handler, parts));
