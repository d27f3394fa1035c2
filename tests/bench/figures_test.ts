import { median, quantile, sum } from "../../scripts/bench/figures.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("quantile() gives the sample below which the share lies, in any order of samples", () => {
  const samples = [5, 1, 4, 2, 3, 10, 9, 8, 7, 6];
  assertEquals(quantile(samples, 0), 1);
  assertEquals(quantile(samples, 0.5), 6);
  assertEquals(quantile(samples, 0.99), 10);
  assertEquals(quantile(samples, 1), 10);
  assertEquals(quantile([], 0.5), NaN);
});

Deno.test("median() gives the middle, or the mean of the two in the middle", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([]), NaN);
});

Deno.test("sum() adds up", () => {
  assertEquals(sum([1, 2, 3.5]), 6.5);
  assertEquals(sum([]), 0);
});
