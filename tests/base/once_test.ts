import { once } from "../../lib/base/once.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("once() makes it when it is first asked for, and not again, whatever it is", () => {
  for (const value of [1, undefined]) {
    let made = 0;
    const give = once(() => {
      made++;
      return value;
    });
    assertEquals(made, 0);
    assertEquals([give(), give(), made], [value, value, 1]);
  }
});
