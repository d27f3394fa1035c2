/** All that can be fuzzed. @module */
import { FRONT } from "./front/target.ts";
import { bodyTarget, codingTarget } from "./request/body.ts";
import { encodingsTarget } from "./request/encodings.ts";
import { fieldsTarget } from "./request/fields.ts";
import { jsonBodyTarget } from "./request/json_body.ts";
import { jsonEditTarget } from "./request/json_edit.ts";
import { jsonScanTarget } from "./request/json_scan.ts";
import { requestHeadTarget } from "./request/request_head.ts";
import { targetPathTarget } from "./request/target_path.ts";
import type { FuzzTarget } from "./target.ts";

/** Parsers, one by one: each in this thread, and without a socket. */
export const PARSERS: readonly FuzzTarget[] = [
  jsonScanTarget(),
  jsonEditTarget(),
  jsonBodyTarget(),
  encodingsTarget(),
  bodyTarget(),
  codingTarget(),
  requestHeadTarget(),
  targetPathTarget(),
  fieldsTarget(),
];

/** By name. */
export const TARGETS: readonly FuzzTarget[] = [...PARSERS, FRONT];
