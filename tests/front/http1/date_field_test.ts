import { decodeUtf8 } from "../../../lib/base/mod.ts";
import { DateField } from "../../../lib/front/http1/date_field.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("DateField.line() is made once a second", async () => {
  const clock = new FakeClock();
  const field = new DateField(clock);
  const first = field.line();
  assertEquals(decodeUtf8(first), "date: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
  await clock.advance(999);
  assert(field.line() === first);
  await clock.advance(1);
  assertEquals(decodeUtf8(field.line()), "date: Tue, 14 Nov 2023 22:13:21 GMT\r\n");
});
