import { type ErrorCode, RouterError } from "../../lib/base/mod.ts";
import {
  anthropicErrorEventOf,
  anthropicErrorOf,
  ERROR_MEANINGS,
  errorBodyOf,
} from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** Types of Anthropic's API by status. */
const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  408: "timeout_error",
  409: "conflict_error",
  413: "request_too_large",
  415: "invalid_request_error",
  422: "invalid_request_error",
  429: "rate_limit_error",
  499: "invalid_request_error",
  500: "api_error",
  501: "api_error",
  502: "api_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
};

Deno.test("anthropicErrorOf() has the type of each status", () => {
  for (const [status, type] of Object.entries(TYPES)) {
    const told = { message: 'a "b"', type: "x", param: null, code: Number(status) };
    const error = { type, message: 'a "b"' };
    assertEquals(anthropicErrorOf(told, "r"), { type: "error", error, request_id: "r" });
    assertEquals(anthropicErrorEventOf(told, "r"), {
      type: "error",
      error: { ...error, code: Number(status) },
      request_id: "r",
    });
  }
});

Deno.test("anthropicErrorOf() has a type for every error of the router's", () => {
  for (const code of Object.keys(ERROR_MEANINGS) as ErrorCode[]) {
    const { error } = errorBodyOf(new RouterError(code, "no"));
    assertEquals(anthropicErrorOf(error, "r").error.type, TYPES[Number(error.code)], code);
  }
});
