import { descriptorFinding } from "../../lib/doctor/descriptors.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("descriptorFinding() warns where few clients are carried", () => {
  assertEquals(descriptorFinding({ limit: 1_024, clients: 400 }).outcome, "warning");
  assertEquals(descriptorFinding({ limit: 65_536, clients: 16_384 }).outcome, "ok");
  assertEquals(descriptorFinding({ limit: undefined, clients: 16_384 }).outcome, "skipped");
});
