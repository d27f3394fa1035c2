import {
  ago,
  bound,
  byName,
  bytes,
  count,
  duration,
  percent,
  plural,
  rate,
  span,
  UNKNOWN,
} from "../../lib/page/assets/format.js";
import { assertEquals } from "../support/assert.ts";

Deno.test("duration() has three digits at most, and a unit", () => {
  const shown = [0, 0.44, 9.96, 12.4, 999, 1_234, 12_340, 61_000, 7_200_000, null, undefined]
    .map((ms) => duration(ms));
  assertEquals(shown, [
    ...["0.0 ms", "0.4 ms", "10.0 ms", "12 ms", "999 ms", "1.23 s", "12.3 s", "1 min 1 s", "2 h"],
    ...[UNKNOWN, UNKNOWN],
  ]);
});

Deno.test("span() and ago() tell longer times by their largest units", () => {
  assertEquals([0, 59.9, 60, 3_599, 3_600, 5_400, 200_000, -3].map(span), [
    ...["0 s", "59 s", "1 min", "59 min 59 s", "1 h", "1 h 30 min", "2 days", "0 s"],
  ]);
  assertEquals([0, 1.4, 2, 61, 7_300].map(ago), ["now", "now", "2 s ago", "1 min ago", "2 h ago"]);
});

Deno.test("count(), rate(), percent() and bytes() are short, and round nothing to all", () => {
  assertEquals([0, 1_234, 2_500_000, null].map(count), ["0", "1,234", "2.5 M", UNKNOWN]);
  assertEquals([0, 0.44, 9.94, 12.6, 1_234].map(rate), ["0", "0.4", "9.9", "13", "1,234"]);
  assertEquals([0, 0.434, 0.9996, 1, null].map(percent), [
    "0 %",
    "43 %",
    "99.9 %",
    "100 %",
    UNKNOWN,
  ]);
  assertEquals([12, 4_096, 3_500_000].map(bytes), ["12 B", "4 KiB", "3.3 MiB"]);
  assertEquals([0.5, 200, 2_000, 120_000].map(bound), ["0.5 ms", "200 ms", "2 s", "2 min"]);
});

Deno.test("byName() sorts by numbers in names, and plural() counts", () => {
  assertEquals(["e10", "e9", "e1"].sort(byName), ["e1", "e9", "e10"]);
  assertEquals([plural(1, "pair"), plural(2, "pair"), plural(0, "pair")], [
    "1 pair",
    "2 pairs",
    "0 pairs",
  ]);
});
