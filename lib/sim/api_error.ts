/** What the engine refuses, in vLLM's error shape. @module */

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

/** A 400 as vLLM's `create_error_response` makes it. */
export function badRequest(message: string, param?: string): ApiError {
  return new ApiError(400, "BadRequestError", message, param);
}

/** The 404 for a model this engine does not serve. */
export function unknownModel(model: string): ApiError {
  return new ApiError(404, "NotFoundError", `The model \`${model}\` does not exist.`, "model");
}

/** A 500 as vLLM words a failed generation. */
export function internalError(message = "Internal server error"): ApiError {
  return new ApiError(500, "InternalServerError", message);
}

/** The JSON body of an error; keys as in vLLM `entrypoints/openai/engine/protocol.py`. */
export function errorBody(error: ApiError): string {
  const { message, type, param, status } = error;
  return JSON.stringify({ error: { message, type, param: param ?? null, code: status } });
}
