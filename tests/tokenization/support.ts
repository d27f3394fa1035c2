/** Engines, callers and ways to post, made up. @module */
import { concatBytes, decodeUtf8, encodeUtf8, type Engine } from "../../lib/base/mod.ts";
import type { Caller, JsonReply, PostJson } from "../../lib/tokenization/mod.ts";

/** A prefill engine. */
export const ENGINE: Engine = {
  id: "e",
  url: "http://e:8000",
  role: "prefill",
  models: ["m"],
  kv: "lmcache",
};

/** Another one. */
export const OTHER: Engine = { ...ENGINE, id: "f", url: "http://f:8000" };

/** Someone who stays. */
export const CALLER: Caller = { headers: [], signal: new AbortController().signal };

/** A way to post that answers by path; a missing one is 404. */
export function replyingBy(
  replies: Readonly<Record<string, JsonReply | Error | undefined>>,
): { readonly posted: string[]; readonly post: PostJson } {
  const posted: string[] = [];
  return {
    posted,
    async post(engine, { path, body, read, failure }) {
      posted.push(`${engine.id} ${path} ${decodeUtf8(concatBytes(body))}`);
      const reply = replies[path] ?? answer('{"detail":"Not Found"}', 404);
      if (reply instanceof Error) throw failure(reply);
      return await Promise.resolve(read(reply));
    },
  };
}

/** A whole answer. */
export function answer(text: string, status = 200): JsonReply {
  return { status, body: encodeUtf8(text) };
}
