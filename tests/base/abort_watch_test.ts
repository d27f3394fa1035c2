import { LazyAbort, signalOf } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("LazyAbort tells each listener once, with the reason at hand", () => {
  const abort = new LazyAbort();
  const told: unknown[] = [];
  const listeners = ["a", "b", "c"].map((name) => (): void =>
    void told.push([name, abort.aborted, abort.reason])
  );
  for (const listener of listeners) abort.addEventListener("abort", listener);
  for (const listener of listeners) abort.addEventListener("abort", listener);
  assertEquals([abort.aborted, abort.reason], [false, undefined]);
  abort.abort("why");
  abort.abort("again");
  assertEquals(told, [["a", true, "why"], ["b", true, "why"], ["c", true, "why"]]);
  assertEquals(abort.reason, "why");
});

Deno.test("LazyAbort tells nobody who listens no more, or has come too late", () => {
  const abort = new LazyAbort();
  let told = 0;
  const [first, second] = [(): void => void told++, (): void => void (told += 10)];
  for (const listener of [first, second]) abort.addEventListener("abort", listener);
  for (const listener of [first, second]) abort.removeEventListener("abort", listener);
  abort.addEventListener("abort", second);
  abort.abort();
  abort.addEventListener("abort", first);
  assertEquals(told, 10);
});

Deno.test("LazyAbort has a reason though none is given, as the platform's", () => {
  const [lazy, usual] = [new LazyAbort(), new AbortController()];
  lazy.abort();
  usual.abort();
  assert(lazy.reason instanceof DOMException);
  assertEquals(lazy.reason.name, usual.signal.reason.name);
});

Deno.test("LazyAbort.signal aborts with it, whenever it was asked for", () => {
  for (const early of [true, false]) {
    const abort = new LazyAbort();
    const before = early ? abort.signal : undefined;
    abort.abort("why");
    assertEquals([abort.signal.aborted, abort.signal.reason], [true, "why"]);
    assert(before === undefined || before === abort.signal);
  }
});

Deno.test("signalOf() gives the platform's signal of any watch", () => {
  const { signal } = new AbortController();
  assert(signalOf(signal) === signal);
  const abort = new LazyAbort();
  assert(signalOf(abort) === abort.signal);
  const own = {
    aborted: false,
    reason: undefined as unknown,
    listener: (): void => {},
    addEventListener(_type: "abort", listener: () => void): void {
      this.listener = listener;
    },
    removeEventListener(): void {},
  };
  const other = signalOf(own);
  assertEquals(other.aborted, false);
  own.reason = "why";
  own.listener();
  assertEquals([other.aborted, other.reason], [true, "why"]);
});
