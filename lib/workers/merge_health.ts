/** What workers tell of their health and readiness, as one. Pure. @module */
import { jsonOf } from "../base/mod.ts";
import { encodeJson } from "./codec.ts";
import type { ToldAnswer } from "./told.ts";

/** What was told by those that answered, and how many did not. */
export interface AllTold {
  readonly answers: readonly ToldAnswer[];
  /** Workers that are to be there. */
  readonly count: number;
  /** Whether all are to end. */
  readonly stopping: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Health: the worst. One that ends by itself, as it was told to or is to be started again, is not sick:
 * the others serve, and it is said how many do.
 */
export function mergedHealth(told: AllTold): ToldAnswer {
  const all = told.answers.map(fieldsOf);
  const well = all.filter(({ status }) => status === "healthy").length;
  const others = all.filter(({ status }) => status !== "healthy" && status !== "draining");
  const [worst] = told.stopping ? all.filter(({ status }) => status === "draining") : others;
  const shown = worst ?? all.find(({ status }) => status === "healthy") ?? all[0] ??
    { status: "unhealthy", reason: "no worker answers" };
  const fields = { ...remarksOf(all), ...shown };
  return answerOf(shown["status"] === "healthy" ? 200 : 503, withMissing(fields, well, told.count));
}

/**
 * Readiness: one that is ready is enough, unless another that serves says what it lacks. One that starts or
 * ends does not matter then: connections go to those that accept.
 */
export function mergedReady(told: AllTold): ToldAnswer {
  const all = told.answers.map(fieldsOf);
  const ready = all.filter(({ status }) => status === "ready");
  const lacking = all.filter(({ status }) => status === "not ready");
  if (ready.length > 0 && lacking.length === 0) {
    return answerOf(200, withMissing({ status: "ready" }, ready.length, told.count));
  }
  const [status] = ["not ready", "starting", "draining"].filter((each) =>
    all.some((fields) => fields["status"] === each)
  );
  const missing = all.filter((fields) => fields["status"] === status)
    .flatMap((fields) => Array.isArray(fields["missing"]) ? fields["missing"] : []);
  return answerOf(503, {
    status: status ?? "not ready",
    missing: status === undefined ? ["no worker answers"] : [...new Set(missing)],
  });
}

/** What all say beside how they are; of the same thing, what the first says. */
function remarksOf(all: readonly Fields[]): Fields {
  const remarks: Record<string, unknown> = {};
  for (const fields of all) {
    for (const [name, value] of Object.entries(fields)) {
      if (name !== "status" && name !== "reason" && !(name in remarks)) remarks[name] = value;
    }
  }
  return remarks;
}

function withMissing(fields: Fields, well: number, count: number): Fields {
  return well === count ? fields : { ...fields, workers: `${well} of ${count}` };
}

function fieldsOf({ body }: ToldAnswer): Fields {
  const value = jsonOf(body);
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function answerOf(status: number, fields: Fields): ToldAnswer {
  return { status, contentType: "application/json", body: encodeJson(fields) };
}
