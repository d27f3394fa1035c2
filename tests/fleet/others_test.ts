import { namedBy, nameOf } from "../../lib/fleet/others.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("namedBy() undoes nameOf(), whatever the id is", () => {
  for (const id of ["e", "10.0.0.1:8000", "my engine 7", ""]) {
    const engine = { id, url: "http://10.0.0.1:8000" };
    assertEquals(namedBy(nameOf(engine)), engine);
  }
});
