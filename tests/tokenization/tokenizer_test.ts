import {
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  type Engine,
  RouterError,
} from "../../lib/base/mod.ts";
import {
  type Caller,
  countIds,
  isIdList,
  type JsonReply,
  lastIds,
  type PostJson,
  type PromptTokens,
  remoteTokenizer,
  type TokenizeEnd,
} from "../../lib/tokenization/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

const ENGINE: Engine = {
  id: "e",
  url: "http://e:8000",
  role: "prefill",
  models: ["m"],
  kv: "lmcache",
};
const CALLER: Caller = {
  headers: [["x-request-id", "r1"]],
  signal: new AbortController().signal,
};

/** What was posted. */
interface Posted {
  readonly engine: Engine;
  readonly path: string;
  readonly body: string;
  readonly caller: Caller;
}

/** A way to post that answers `reply`, or fails with it. */
function replying(reply: JsonReply | Error): {
  readonly posted: Posted[];
  readonly post: PostJson;
} {
  const posted: Posted[] = [];
  return {
    posted,
    async post(engine, { path, body, read, failure }, caller) {
      posted.push({ engine, path, body: decodeUtf8(concatBytes(body)), caller });
      if (reply instanceof Error) throw failure(reply);
      return await Promise.resolve(read(reply));
    },
  };
}

function answer(text: string, status = 200): JsonReply {
  return { status, body: encodeUtf8(text) };
}

function tokenize(reply: JsonReply | Error): Promise<TokenizeEnd> {
  const { post } = replying(reply);
  return remoteTokenizer(post).tokenize(ENGINE, [encodeUtf8("{}")], CALLER);
}

async function promptOf(text: string): Promise<PromptTokens> {
  const end = await tokenize(answer(text));
  assert(end.kind === "tokens", end.kind);
  return end.prompt;
}

Deno.test("tokenize() posts the body as it is to /tokenize, on the caller's behalf", async () => {
  const { posted, post } = replying(answer('{"tokens":[1]}'));
  const body = [encodeUtf8('{"model":"m",'), encodeUtf8('"prompt":"hi"}')];
  await remoteTokenizer(post).tokenize(ENGINE, body, CALLER);
  assertEquals(posted, [{
    engine: ENGINE,
    path: "/tokenize",
    body: '{"model":"m","prompt":"hi"}',
    caller: CALLER,
  }]);
  assert(posted[0]?.caller.signal === CALLER.signal);
});

/** Answers of an engine, and the ids, count and context length in them. */
const TOKENS: readonly (readonly [
  text: string,
  ids: string,
  count: number,
  maxModelLen: number | undefined,
])[] = [
  [
    '{"count":3,"max_model_len":4096,"tokens":[1,2,3],"token_strs":null}',
    "[1,2,3]",
    3,
    4096,
  ],
  ['{"tokens": [ 1,\n 2 ] ,"max_model_len":8}', "[ 1,\n 2 ]", 2, 8],
  ['{"tokens":[12345]}', "[12345]", 1, undefined],
  ['{"count":0,"max_model_len":8,"tokens":[]}', "[]", 0, 8],
  ['{"tokens":[1,2],"max_model_len":null}', "[1,2]", 2, undefined],
  ['{"tokens":[1,2],"max_model_len":"8"}', "[1,2]", 2, undefined],
  ['{"tokens":[1,2],"max_model_len":"\\q"}', "[1,2]", 2, undefined],
  // A count that is not the list's own.
  ['{"count":9,"tokens":[]}', "[]", 0, undefined],
  ['{"count":"\\q","tokens":[7,8]}', "[7,8]", 2, undefined],
  ['{"tokens":"x","tokens":[5]}', "[5]", 1, undefined],
];

for (const [text, ids, count, maxModelLen] of TOKENS) {
  Deno.test(`tokenize() reads ${JSON.stringify(text)}`, async () => {
    const prompt = await promptOf(text);
    assertEquals(decodeUtf8(prompt.ids), ids);
    assertEquals([prompt.count, prompt.maxModelLen], [count, maxModelLen]);
  });
}

Deno.test("tokenize() keeps a long list of ids as the bytes it came in", async () => {
  const reply = answer(`{"tokens":[${Array.from({ length: 20_000 }, (_, id) => id).join(", ")}]}`);
  const end = await tokenize(reply);
  assert(end.kind === "tokens");
  assert(end.prompt.ids.buffer === reply.body.buffer);
  assertEquals(end.prompt.count, 20_000);
});

for (const status of [400, 401, 404, 422, 499]) {
  Deno.test(`tokenize() is refused by status ${status}, whatever the body`, async () => {
    for (const text of ['{"error":{"message":"no"}}', "<html>", "", '{"tokens":[1]}']) {
      assertEquals(await tokenize(answer(text, status)), { kind: "refused", status });
    }
  });
}

const FAILED: readonly (readonly [status: number, text: string, said: string])[] = [
  [429, '{"error":{"message":"later"}}', "status 429 later"],
  [500, '{"error":{"message":"boom"}}', "status 500 boom"],
  [500, '{"error":"boom"}', "status 500 boom"],
  [500, "", "status 500 and no token list"],
  [503, '{"error":"\\q"}', "status 503 and no token list"],
  [502, '{"tokens":[1]}', "status 502 and no token list"],
  [204, '{"tokens":[1]}', "status 204 and no token list"],
  [302, "", "status 302 and no token list"],
  [200, "", "status 200 and no token list"],
  [200, "null", "status 200 and no token list"],
  [200, "[1,2]", "status 200 and no token list"],
  [200, '{"tokens":[1,2', "status 200 and no token list"],
  [200, "{}", "status 200 and no token list"],
  [200, '{"error":{"message":"sleeping"}}', "status 200 sleeping"],
  [200, '{"tokens":null}', "status 200 and no token list"],
  [200, '{"tokens":"1,2"}', "status 200 and no token list"],
  [200, '{"tokens":{"0":1}}', "status 200 and no token list"],
  [200, '{"tokens":12}', "status 200 and no token list"],
  [200, '{"tokens":[1.5]}', "status 200 and no token list"],
  [200, '{"tokens":[-1]}', "status 200 and no token list"],
  [200, '{"tokens":["a","b"]}', "status 200 and no token list"],
  [200, '{"tokens":[[1,2]]}', "status 200 and no token list"],
  [200, '{"tokens":[1,null]}', "status 200 and no token list"],
];

for (const [status, text, said] of FAILED) {
  Deno.test(`tokenize() fails on status ${status} with ${JSON.stringify(text)}`, async () => {
    const error = await assertRejects(() => tokenize(answer(text, status)), RouterError, said);
    assertEquals(error.code, "tokenize-failed");
    assertEquals(error.message, `Engine http://e:8000 answered /tokenize with ${said}`);
  });
}

Deno.test("tokenize() fails where the engine cannot be reached, and names it", async () => {
  const cause = new RouterError("upstream-unreachable", "refused");
  const error = await assertRejects(() => tokenize(cause), RouterError, "http://e:8000");
  assertEquals([error.code, error.cause], ["tokenize-failed", cause]);
});

Deno.test("tokenize() says that the client has gone as it is", async () => {
  const gone = new RouterError("client-gone", "gone");
  assert(await assertRejects(() => tokenize(gone), RouterError) === gone);
});

function detokenize(reply: JsonReply | Error): Promise<string | undefined> {
  return remoteTokenizer(replying(reply).post).detokenize(ENGINE, "m", [1], CALLER);
}

Deno.test("detokenize() posts model and ids to /detokenize, on the caller's behalf", async () => {
  const { posted, post } = replying(answer('{"prompt":" the é"}'));
  const text = await remoteTokenizer(post).detokenize(ENGINE, 'm"', [7, 0], CALLER);
  assertEquals(text, " the é");
  assertEquals(posted, [{
    engine: ENGINE,
    path: "/detokenize",
    body: '{"model":"m\\"","tokens":[7,0]}',
    caller: CALLER,
  }]);
});

const TEXTS: readonly (readonly [status: number, body: string, text: string | undefined])[] = [
  [200, '{"prompt":""}', ""],
  [200, '{"prompt":"a\\u00e9\\n"}', "aé\n"],
  [200, '{"prompt":null}', undefined],
  [200, '{"prompt":["a"]}', undefined],
  [200, "{}", undefined],
  [200, "", undefined],
  [200, '"a"', undefined],
  [200, '{"prompt":"a', undefined],
  [200, '{"prompt":"\\q"}', undefined],
  [404, '{"prompt":"a"}', undefined],
  [500, '{"prompt":"a"}', undefined],
];

for (const [status, body, text] of TEXTS) {
  Deno.test(`detokenize() reads status ${status} with ${JSON.stringify(body)}`, async () => {
    assertEquals(await detokenize(answer(body, status)), text);
  });
}

Deno.test("detokenize() has no text where the engine cannot be reached", async () => {
  for (const code of ["upstream-unreachable", "upstream-timeout", "upstream-protocol"] as const) {
    assertEquals(await detokenize(new RouterError(code, "no")), undefined);
  }
});

Deno.test("detokenize() says that the client has gone, and what is broken, as it is", async () => {
  const gone = new RouterError("client-gone", "gone");
  assert(await assertRejects(() => detokenize(gone), RouterError) === gone);
  const broken = new TypeError("broken");
  assert(await assertRejects(() => detokenize(broken), TypeError) === broken);
});

const LISTS: readonly (readonly [list: string, ids: readonly number[]])[] = [
  ["[]", []],
  ["[ \n ]", []],
  ["[7]", [7]],
  [`[${" ".repeat(50)}7 ]`, [7]],
  ["[1,2,3]", [1, 2, 3]],
  ["[ 1 ,\t2\r\n, 30 ]", [1, 2, 30]],
  ["[0,151643]", [0, 151643]],
];

for (const [list, ids] of LISTS) {
  Deno.test(`countIds() and lastIds() read ${JSON.stringify(list)}`, () => {
    const bytes = encodeUtf8(list);
    assertEquals(isIdList(bytes), true);
    assertEquals(countIds(bytes), ids.length);
    assertEquals(lastIds(bytes, 0), []);
    for (let count = 1; count <= ids.length + 2; count++) {
      assertEquals(lastIds(bytes, count), ids.slice(-count), `the last ${count}`);
    }
  });
}

Deno.test("isIdList() knows what could not be spliced into a list of ids", () => {
  const others = ["[1.5]", "[-1]", "[1e3]", '["1"]', "[[1]]", "[null]", "[1,{}]", '"1"', "1", "{}"];
  for (const other of others) assertEquals(isIdList(encodeUtf8(other)), false, other);
  assertEquals(isIdList(new Uint8Array(0)), false);
});

Deno.test("tokenize() fails with what an engine says that has no room", async () => {
  const body = encodeUtf8('{"error":{"message":"later"}}');
  for (const status of [429, 503]) {
    const refusal = { status, headers: [["retry-after", "3"]] as const, body };
    const error = await assertRejects(
      () => tokenize({ status, body, refusal }),
      RouterError,
      "later",
    );
    assertEquals(error.refusal, refusal);
  }
});
