/** The endpoints of batches: `/v1/batches` as OpenAI's API has it. @module */
import { jsonOf, recordOf, RouterError } from "../base/mod.ts";
import { batchObject, listObject } from "../batch/mod.ts";
import type { Answer } from "../request/mod.ts";
import { afterOf, type BatchCall, limitOf } from "./batch_files.ts";
import { readJsonBody } from "./body.ts";
import { codingOf } from "./coding.ts";
import type { HttpDeps } from "./context.ts";
import { jsonAnswer } from "./respond.ts";

const LIMITS = { usual: 20, most: 100 } as const;

/** Largest request for a batch, in bytes: its requests are in a file. */
const MAX_BYTES = 256 * 1024;

/** `POST /v1/batches`. */
export async function createBatch(deps: HttpDeps, call: BatchCall): Promise<Answer> {
  const { request: { headers, body }, context, batches, owner } = call;
  const bytes = await readJsonBody(body, MAX_BYTES, {
    share: context.held,
    breather: deps.breather,
    coding: codingOf(headers.get("content-encoding")),
  });
  const fields = recordOf(jsonOf(bytes));
  if (fields === undefined || Array.isArray(fields)) {
    throw new RouterError("bad-request", "The request body is not a JSON object");
  }
  return jsonAnswer(200, batchObject(batches.batches.create(owner, fields)));
}

/** `GET /v1/batches`, by `limit` and `after`. */
export function listBatches(_deps: HttpDeps, call: BatchCall): Answer {
  const { batches: { batches }, owner } = call;
  const query = new URLSearchParams(call.query);
  const after = afterOf(query, (id) => batches.get(owner, id).seq);
  const page = batches.list(owner, { limit: limitOf(query, LIMITS), after });
  return jsonAnswer(200, listObject(page, batchObject));
}

/** `GET /v1/batches/{id}`. */
export function oneBatch(_deps: HttpDeps, { batches, owner, id }: BatchCall): Answer {
  return jsonAnswer(200, batchObject(batches.batches.get(owner, id)));
}

/** `POST /v1/batches/{id}/cancel`, and `DELETE /v1/batches/{id}` as the production-stack router has it. */
export function cancelBatch(_deps: HttpDeps, { batches, owner, id }: BatchCall): Answer {
  return jsonAnswer(200, batchObject(batches.batches.cancel(owner, id)));
}
