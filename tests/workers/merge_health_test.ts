import { jsonOf } from "../../lib/base/mod.ts";
import { encodeJson } from "../../lib/workers/codec.ts";
import { mergedHealth, mergedReady } from "../../lib/workers/merge_health.ts";
import type { ToldAnswer } from "../../lib/workers/told.ts";
import { assertEquals } from "../support/assert.ts";

type Fields = Readonly<Record<string, unknown>>;

function told(fields: Fields): ToldAnswer {
  return { status: 200, contentType: "application/json", body: encodeJson(fields) };
}

function shown({ status, body }: ToldAnswer): readonly [number, unknown] {
  return [status, jsonOf(body)];
}

const WELL = { status: "healthy" };
const SICK = { status: "unhealthy", reason: "not bound" };
const LEAVING = { status: "draining" };

for (
  const [name, all, stopping, expected] of [
    ["all are well", [WELL, WELL], false, [200, WELL]],
    ["one is sick", [WELL, SICK], false, [503, { ...SICK, workers: "1 of 2" }]],
    ["one ends by itself", [LEAVING, WELL], false, [200, { ...WELL, workers: "1 of 2" }]],
    ["one does not answer", [WELL], false, [200, { ...WELL, workers: "1 of 2" }]],
    ["all are to end", [LEAVING, LEAVING], true, [503, { ...LEAVING, workers: "0 of 2" }]],
    ["one of those that are to end does already", [WELL, LEAVING], true, [
      503,
      { ...LEAVING, workers: "1 of 2" },
    ]],
    ["nobody answers", [], false, [503, {
      status: "unhealthy",
      reason: "no worker answers",
      workers: "0 of 2",
    }]],
    ["remarks of any", [WELL, { ...WELL, api_keys: "old" }], false, [200, {
      ...WELL,
      api_keys: "old",
    }]],
  ] as const
) {
  Deno.test(`mergedHealth() where ${name}`, () => {
    const answers = all.map((fields) => told(fields));
    assertEquals(shown(mergedHealth({ answers, count: 2, stopping })), expected as never);
  });
}

const READY = { status: "ready" };
const STARTING = { status: "starting", missing: ["not asked yet"] };
const LACKING = { status: "not ready", missing: ["no decode engine"] };
const ENDING = { status: "draining", missing: ["stopping"] };

for (
  const [name, all, expected] of [
    ["all are ready", [READY, READY], [200, READY]],
    ["one starts", [STARTING, READY], [200, { ...READY, workers: "1 of 2" }]],
    ["one ends", [READY, ENDING], [200, { ...READY, workers: "1 of 2" }]],
    ["one lacks something", [READY, LACKING], [503, LACKING]],
    ["both lack the same", [LACKING, LACKING], [503, LACKING]],
    ["one starts and one ends", [ENDING, STARTING], [503, STARTING]],
    ["nobody answers", [], [503, { status: "not ready", missing: ["no worker answers"] }]],
  ] as const
) {
  Deno.test(`mergedReady() where ${name}`, () => {
    const answers = all.map((fields) => told(fields));
    assertEquals(shown(mergedReady({ answers, count: 2, stopping: false })), expected as never);
  });
}
