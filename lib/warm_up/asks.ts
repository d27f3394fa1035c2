/** What clients in memory ask: as most do, with the fields that their libraries send. @module */
import { concatBytes, encodeUtf8 } from "../base/mod.ts";
import { MODEL } from "./engine_answers.ts";

/** About a kilobyte, as prompts are at least. */
const PROMPT = "Tell me what a router is. ".repeat(36);

const CHAT = {
  messages: [{ role: "system", content: "Be brief." }, { role: "user", content: PROMPT }],
};

/** One of each kind, as they are sent: completions and chats, whole and streamed. */
export const ASKS: readonly Uint8Array[] = [
  requestOf("/v1/completions", { prompt: PROMPT, max_tokens: 16 }),
  requestOf("/v1/completions", { prompt: PROMPT, max_tokens: 16, stream: true }),
  requestOf("/v1/chat/completions", { ...CHAT, max_tokens: 16 }),
  requestOf("/v1/chat/completions", { ...CHAT, max_tokens: 16, stream: true }),
];

function requestOf(path: string, fields: object): Uint8Array {
  const body = encodeUtf8(JSON.stringify({ model: MODEL, temperature: 0.7, ...fields }));
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Accept: application/json",
    "Accept-Encoding: identity",
    "Content-Type: application/json",
    "Connection: keep-alive",
    "User-Agent: warm-up",
    "Authorization: Bearer none",
    `Content-Length: ${body.length}`,
  ];
  return concatBytes([encodeUtf8(`${head.join("\r\n")}\r\n\r\n`), body]);
}
