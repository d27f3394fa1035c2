import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type { JsonReply } from "../../lib/tokenization/mod.ts";
import { type RenderEnd, renderPrompt } from "../../lib/tokenization/render.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { answer, CALLER, ENGINE, replyingBy } from "./support.ts";

const PATH = "/v1/completions/render";

function render(reply: JsonReply | Error): Promise<RenderEnd> {
  const { post } = replyingBy({ [PATH]: reply });
  return renderPrompt(post, ENGINE, { path: PATH, body: () => [encodeUtf8("{}")] }, CALLER);
}

const RENDERED: readonly (readonly [text: string, ids: string, count: number])[] = [
  ['{"request_id":"r","token_ids":[1,2,3],"sampling_params":{}}', "[1,2,3]", 3],
  ['[{"request_id":"r","token_ids":[1,2]}]', "[1,2]", 2],
  [' \n[ {"token_ids":[ 7 ]} ]', "[ 7 ]", 1],
  ['{"token_ids":[]}', "[]", 0],
];

for (const [text, ids, count] of RENDERED) {
  Deno.test(`renderPrompt() reads ${JSON.stringify(text)}`, async () => {
    const end = await render(answer(text));
    assert(end.kind === "tokens", end.kind);
    assertEquals(decodeUtf8(end.prompt.ids), ids);
    assertEquals([end.prompt.count, end.prompt.maxModelLen], [count, undefined]);
  });
}

for (const status of [403, 404, 405, 501]) {
  Deno.test(`renderPrompt() is unsupported where the status is ${status}`, async () => {
    assertEquals(await render(answer('{"detail":"Not Found"}', status)), { kind: "unsupported" });
  });
}

for (const status of [400, 401, 422]) {
  Deno.test(`renderPrompt() is refused by status ${status}`, async () => {
    assertEquals(await render(answer("{}", status)), { kind: "refused", status });
  });
}

for (
  const text of [
    "",
    "null",
    "{}",
    "[]",
    "[1]",
    '["a"]',
    '[{"token_ids":[1]},{"token_ids":[2]}]',
    '[{"token_ids":[1]}',
    '[{"token_ids":[1]}] x',
    '[{"token_ids":[1]}],"x":1',
    '{"token_ids":["1"]}',
    '{"token_ids":null}',
  ]
) {
  Deno.test(`renderPrompt() fails on ${JSON.stringify(text)}`, async () => {
    const error = await assertRejects(() => render(answer(text)), RouterError);
    assertEquals(error.code, "tokenize-failed");
    assertEquals(
      error.message,
      `Engine http://e:8000 answered ${PATH} with status 200 and no token list`,
    );
  });
}

Deno.test("renderPrompt() fails on status 500, with what the engine says", async () => {
  const failing = answer('{"error":{"message":"boom"}}', 500);
  const error = await assertRejects(() => render(failing), RouterError);
  assertEquals(error.message, `Engine http://e:8000 answered ${PATH} with status 500 boom`);
});

Deno.test("renderPrompt() fails where the engine cannot be reached, not where the client left", async () => {
  const cause = new RouterError("upstream-unreachable", "refused");
  assertEquals((await assertRejects(() => render(cause), RouterError)).code, "tokenize-failed");
  const gone = new RouterError("client-gone", "gone");
  assert(await assertRejects(() => render(gone), RouterError) === gone);
});

Deno.test("renderPrompt() reads long answers, be they lists of one", async () => {
  const ids = Array.from({ length: 100_000 }, (_, id) => 100_000 + id);
  const one = JSON.stringify({ request_id: "r", token_ids: ids, sampling_params: {} });
  for (const text of [one, `[${one}]`, ` [ ${one} ] `]) {
    const end = await render(answer(text));
    assert(end.kind === "tokens", end.kind);
    assertEquals([end.prompt.count, end.prompt.ids.length], [100_000, ids.join().length + 2]);
  }
  for (const text of [`[${one},${one}]`, `[[${one}]]`, `[${one}`]) {
    await assertRejects(() => render(answer(text)), RouterError, "no token list");
  }
});

Deno.test("renderPrompt() fails on an engine that has no room", async () => {
  const full = answer('{"error":{"message":"later"}}', 429);
  await assertRejects(() => render(full), RouterError, "status 429 later");
});
