/** All that can be fuzzed. @module */
import { addressesTarget, urlsTarget } from "./config/addresses.ts";
import { argvTarget } from "./config/argv.ts";
import { configFileTarget, keysFileTarget } from "./config/file.ts";
import { pemTarget } from "./config/pem.ts";
import { answersTarget } from "./engine/answers.ts";
import { beginningTarget } from "./engine/beginning.ts";
import { chunksTarget, mergerTarget } from "./engine/chunks.ts";
import { idsTarget, tokenizedTarget } from "./engine/ids.ts";
import { metricsTarget } from "./engine/metrics.ts";
import { responseTarget } from "./engine/response.ts";
import { sseTarget } from "./engine/sse.ts";
import { usageTarget } from "./engine/usage.ts";
import { FRONT } from "./front/target.ts";
import { gossipTarget } from "./gossip/message.ts";
import { bodyTarget, codingTarget } from "./request/body.ts";
import { encodingsTarget } from "./request/encodings.ts";
import { fieldsTarget } from "./request/fields.ts";
import { formTarget } from "./request/form.ts";
import { jsonBodyTarget } from "./request/json_body.ts";
import { jsonEditTarget } from "./request/json_edit.ts";
import { jsonScanTarget } from "./request/json_scan.ts";
import { requestHeadTarget } from "./request/request_head.ts";
import { targetPathTarget } from "./request/target_path.ts";
import { noticeTarget } from "./zmq/notice.ts";
import { zmtpPeerTarget, zmtpTarget } from "./zmq/zmtp.ts";
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
  formTarget(),
  responseTarget(),
  sseTarget(),
  chunksTarget(),
  mergerTarget(),
  answersTarget(),
  beginningTarget(),
  usageTarget(),
  metricsTarget(),
  idsTarget(),
  tokenizedTarget(),
  noticeTarget(),
  gossipTarget(),
  zmtpTarget(),
  zmtpPeerTarget(),
  configFileTarget(),
  keysFileTarget(),
  argvTarget(),
  addressesTarget(),
  urlsTarget(),
  pemTarget(),
];

/** By name. */
export const TARGETS: readonly FuzzTarget[] = [...PARSERS, FRONT];
