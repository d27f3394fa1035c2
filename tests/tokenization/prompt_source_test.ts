import { createLogger, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type { TokenizeWay } from "../../lib/config/mod.ts";
import {
  type JsonReply,
  type PrefillTold,
  type PromptAsk,
  type PromptEnd,
  type PromptSource,
  promptSource,
  remoteTokenizer,
} from "../../lib/tokenization/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { answer, CALLER, ENGINE, OTHER, replyingBy } from "./support.ts";

const RENDER = "/v1/chat/completions/render";
const ASK: PromptAsk = {
  tokenize: () => [encodeUtf8("T")],
  render: { path: RENDER, body: () => [encodeUtf8("R")] },
  needsLength: false,
  byIds: false,
  exact: false,
  parsed: true,
};
const TOLD: PrefillTold = { ids: true, text: true };
const SILENT: PrefillTold = { ids: false, text: true };
const TOKENIZED = answer('{"tokens":[1],"max_model_len":9}');
const RENDERED = answer('{"token_ids":[2,3]}');

interface Fixture {
  readonly source: PromptSource;
  readonly posted: string[];
  readonly results: string[];
  readonly warned: string[];
  find(ask?: Partial<PromptAsk>, engine?: typeof ENGINE): Promise<string>;
}

function fixture(
  how: TokenizeWay,
  replies: Readonly<Record<string, JsonReply | Error>> = { "/tokenize": TOKENIZED },
): Fixture {
  const { post, posted } = replyingBy(replies);
  const results: string[] = [];
  const warned: string[] = [];
  const log = createLogger(new FakeClock(), (line) => warned.push(line), {
    level: "warning",
    format: "text",
  });
  const source = promptSource({
    how,
    tokenizer: remoteTokenizer(post),
    post,
    log,
    onResult: (by, result) => results.push(`${by} ${result}`),
  });
  const find = async (ask: Partial<PromptAsk> = {}, engine = ENGINE): Promise<string> =>
    shown(await source.find(engine, { ...ASK, ...ask }, CALLER));
  return { source, posted, results, warned, find };
}

function shown(end: PromptEnd): string {
  return end.kind === "tokens" ? decodeUtf8(end.prompt.ids) : end.kind;
}

Deno.test("find() by the engine asks /tokenize, and nothing for what it cannot express", async () => {
  const { source, posted, results, find } = fixture("engine");
  assertEquals(await find(), "[1]");
  assertEquals(await find({ needsLength: true, byIds: true }), "[1]");
  assertEquals(await find({ exact: true }), "unavailable");
  assertEquals(posted, ["e /tokenize T", "e /tokenize T"]);
  assertEquals(results, ["engine tokens", "engine tokens"]);
  assertEquals(source.exact, false);
});

Deno.test("find() counts refusals and failures", async () => {
  const refused = fixture("engine", { "/tokenize": answer("{}", 422) });
  assertEquals(await refused.find(), "refused");
  assertEquals(refused.results, ["engine refused"]);
  for (const how of ["engine", "render"] as const) {
    const failing = fixture(how, { "/tokenize": answer("", 500), [RENDER]: answer("", 500) });
    await assertRejects(() => failing.find(), RouterError);
    assertEquals(failing.results, [`${how} failed`]);
    assertEquals(failing.posted.length, 1);
  }
});

Deno.test("find() by rendering asks with the client's own request, exact prompts too", async () => {
  const { source, posted, results, find, warned } = fixture("render", { [RENDER]: RENDERED });
  assertEquals(await find(), "[2,3]");
  assertEquals(await find({ exact: true, byIds: true }), "[2,3]");
  assertEquals(posted, [`e ${RENDER} R`, `e ${RENDER} R`]);
  assertEquals(results, ["render tokens", "render tokens"]);
  assertEquals([source.exact, warned], [true, []]);
});

Deno.test("find() by rendering remembers engines that cannot, each for itself", async () => {
  const { posted, results, find, warned } = fixture("render");
  assertEquals(await find(), "[1]");
  assertEquals(await find(), "[1]");
  assertEquals(await find({ exact: true }), "unavailable");
  assertEquals(await find({}, OTHER), "[1]");
  assertEquals(posted, [
    `e ${RENDER} R`,
    "e /tokenize T",
    "e /tokenize T",
    `f ${RENDER} R`,
    "f /tokenize T",
  ]);
  assertEquals(results.filter((result) => result.startsWith("render")), [
    "render unsupported",
    "render unsupported",
  ]);
  assertEquals(warned.length, 2);
});

Deno.test("find() by rendering asks /tokenize where the context length is needed", async () => {
  const { posted, find } = fixture("render", { "/tokenize": TOKENIZED, [RENDER]: RENDERED });
  assertEquals(await find({ needsLength: true }), "[1]");
  assertEquals(await find({ needsLength: true, exact: true }), "unavailable");
  assertEquals(posted, ["e /tokenize T"]);
});

Deno.test("find() by the prefill asks nothing, but where the ids are needed before it", async () => {
  for (const how of ["prefill", "auto"] as const) {
    const { source, posted, find } = fixture(how);
    assertEquals(await find(), "with-prefill");
    assertEquals(await find({ exact: true }), "with-prefill");
    assertEquals(posted, []);
    assertEquals(await find({ needsLength: true }), "[1]");
    assertEquals(await find({ byIds: true }), "[1]");
    assertEquals(await find({ byIds: true, exact: true }), "unavailable");
    assertEquals(posted.length, 2);
    assertEquals(source.exact, true);
  }
});

Deno.test("note() makes auto ask a silent engine no more, and says so once", async () => {
  const { source, find, results, warned } = fixture("auto");
  source.note(ENGINE, TOLD);
  assertEquals(await find(), "with-prefill");
  source.note(ENGINE, SILENT);
  source.note(ENGINE, SILENT);
  assertEquals(await find(), "[1]");
  assertEquals(await find({ exact: true }), "unavailable");
  assertEquals(await find({}, OTHER), "with-prefill");
  assertEquals(results, [
    "prefill tokens",
    "prefill unsupported",
    "prefill unsupported",
    "engine tokens",
  ]);
  assertEquals(warned.length, 1);
});

Deno.test("note() changes what prefill asks of a silent engine only where /tokenize cannot help", async () => {
  const { source, find, warned } = fixture("prefill");
  source.note(ENGINE, SILENT);
  source.note(ENGINE, SILENT);
  assertEquals(await find(), "with-prefill");
  assertEquals(await find({ exact: true }), "unavailable");
  assertEquals(await find({ exact: true }, OTHER), "with-prefill");
  assertEquals(warned.length, 1);
});

Deno.test("note() makes auto ask where parsers take texts no more, but for what only that tells", async () => {
  const { source, find, warned, posted } = fixture("auto");
  source.note(ENGINE, { ids: true, text: false });
  assertEquals(await find(), "[1]");
  assertEquals(posted, ["e /tokenize T"]);
  assertEquals(await find({ parsed: false }), "with-prefill");
  assertEquals(await find({ exact: true }), "with-prefill");
  assertEquals(await find({}, OTHER), "with-prefill");
  assertEquals(warned, []);
  source.forget(ENGINE);
  assertEquals(await find(), "with-prefill");
});

Deno.test("note() changes nothing for prefill where parsers take texts", async () => {
  const { source, find } = fixture("prefill");
  source.note(ENGINE, { ids: true, text: false });
  assertEquals(await find(), "with-prefill");
});

Deno.test("tokenize() asks /tokenize, whatever the way", async () => {
  for (const how of ["engine", "prefill", "render", "auto"] as const) {
    const { source, posted, results } = fixture(how);
    assertEquals(shown(await source.tokenize(ENGINE, ASK, CALLER)), "[1]");
    assertEquals([posted, results], [["e /tokenize T"], ["engine tokens"]]);
  }
});

Deno.test("forget() has an engine that is asked to render tried anew, and no other", async () => {
  const { source, posted, find, warned } = fixture("render");
  const completions = { render: { ...ASK.render, path: "/v1/completions/render" } };
  // One whose URL begins as another's does.
  const longer = { ...OTHER, url: `${ENGINE.url}0` };
  for (const engine of [ENGINE, longer]) {
    await find({}, engine);
    await find(completions, engine);
  }
  assertEquals(warned.length, 4);
  source.forget(ENGINE);
  posted.length = 0;
  for (const engine of [longer, ENGINE]) {
    await find({}, engine);
    await find(completions, engine);
  }
  assertEquals(posted, [
    "f /tokenize T",
    "f /tokenize T",
    `e ${RENDER} R`,
    "e /tokenize T",
    "e /v1/completions/render R",
    "e /tokenize T",
  ]);
  assertEquals(warned.length, 6);
});

for (const how of ["prefill", "auto"] as const) {
  Deno.test(`forget() has ${how} ask an engine again that told nothing, and no other`, async () => {
    const { source, find, warned } = fixture(how);
    const longer = { ...OTHER, id: `${ENGINE.id}2` };
    for (const engine of [ENGINE, longer]) source.note(engine, SILENT);
    assertEquals(await find({ exact: true }), "unavailable");
    source.forget(ENGINE);
    assertEquals(await find({ exact: true }), "with-prefill");
    assertEquals(await find({ exact: true }, longer), "unavailable");
    source.note(ENGINE, SILENT);
    assertEquals([await find({ exact: true }), warned.length], ["unavailable", 3]);
  });
}

Deno.test("forget() of the engine's own way, or of an engine nothing is known of, changes nothing", async () => {
  for (const how of ["engine", "render", "prefill", "auto"] as const) {
    const { source, find } = fixture(how, { "/tokenize": TOKENIZED, [RENDER]: RENDERED });
    const before = await find();
    source.forget(ENGINE);
    source.forget(OTHER);
    assertEquals(await find(), before);
  }
});
