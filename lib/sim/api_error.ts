/** What the engine refuses, in vLLM's error shapes. @module */

/** A refusal that becomes an HTTP answer `{"error":{message,type,param,code}}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly type: string;
  readonly param: string | undefined;

  constructor(status: number, type: string, message: string, param?: string) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
  }
}

/** A 400 of vLLM's own checks: `VLLMValidationError` with a parameter, `ValueError` without. */
export function badRequest(message: string, param?: string, value?: string | number): ApiError {
  const named = param === undefined ? [] : [`parameter=${param}`];
  const extras = value === undefined ? named : [...named, `value=${value}`];
  const text = extras.length === 0 ? message : `${message} (${extras.join(", ")})`;
  return new ApiError(400, "BadRequestError", text, param);
}

/** The 404 for a model this engine does not serve. */
export function unknownModel(model: string, served: readonly string[]): ApiError {
  return new ApiError(
    404,
    "NotFoundError",
    `The model \`${model}\` does not exist. Valid aliases: ${served.join(", ")}.`,
    "model",
  );
}

/** A 500 as vLLM words a failed generation. */
export function internalError(message = "Internal server error"): ApiError {
  return new ApiError(500, "InternalServerError", message);
}

/** The JSON body of an error; keys as in vLLM `entrypoints/serve/engine/protocol.py`. */
export function errorBody(error: ApiError): string {
  const { message, type, param, status } = error;
  return JSON.stringify({ error: { message, type, param: param ?? null, code: status } });
}

/** The same for `/v1/messages`. Source: vLLM `entrypoints/anthropic/api_router.py`. */
export function anthropicErrorBody({ type, message }: ApiError): string {
  return JSON.stringify({ type: "error", error: { type, message } });
}
