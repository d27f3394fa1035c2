import { Place } from "../../../lib/front/http1/place.ts";
import { Turnstile } from "../../../lib/front/http1/turnstile.ts";
import { assertEquals } from "../../support/assert.ts";

const LIMITS = { maxConnections: 3, maxPerAddress: 1 };

Deno.test("Place counts under its own address, written in one way", () => {
  const turnstile = new Turnstile(LIMITS);
  const place = new Place(turnstile, "::ffff:10.0.0.1");
  assertEquals(place.enter(), undefined);
  assertEquals(new Place(turnstile, "10.0.0.1").enter(), "address");
  place.leave();
  assertEquals(new Place(turnstile, "10.0.0.1").enter(), undefined);
});

Deno.test("Place.move() counts it under its client, and rest() under nobody", () => {
  const turnstile = new Turnstile(LIMITS);
  const proxy = new Place(turnstile, "10.0.0.9");
  assertEquals([proxy.enter(), proxy.move("1.1.1.1")], [undefined, undefined]);
  const [again, client] = [new Place(turnstile, "10.0.0.9"), new Place(turnstile, "1.1.1.1")];
  assertEquals([again.enter(), client.enter()], [undefined, "address"]);
  proxy.rest();
  assertEquals(client.enter(), undefined);
  proxy.leave();
  assertEquals(turnstile.enter("2.2.2.2"), undefined, "all are counted out");
});

Deno.test("Place.rest() leaves a connection that is nobody's proxy where it is", () => {
  const turnstile = new Turnstile(LIMITS);
  const place = new Place(turnstile, "10.0.0.1");
  place.enter();
  place.rest();
  assertEquals(turnstile.enter("10.0.0.1"), "address");
});

Deno.test("Place stays where it is counted when another address has no room", () => {
  const turnstile = new Turnstile(LIMITS);
  const place = new Place(turnstile, "10.0.0.9");
  place.enter();
  turnstile.enter("1.1.1.1");
  assertEquals(place.move("1.1.1.1"), "address");
  assertEquals(turnstile.enter("10.0.0.9"), "address");
  place.leave();
  assertEquals(turnstile.enter("10.0.0.9"), undefined);
  assertEquals(turnstile.enter("1.1.1.1"), "address");
});
