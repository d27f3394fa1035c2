import { HARD_TEXTS, tokenizerFindings } from "../../lib/doctor/tokenizers.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeUpstream, jsonResponse } from "../support/fake_upstream.ts";
import { lines, looked } from "./support.ts";

/** What engines answer to `/tokenize`, by their URL and the text. */
type Tokenize = (url: string, prompt: string) => ReturnType<typeof jsonResponse>;

function askParts(tokenize: Tokenize): Parameters<typeof tokenizerFindings>[1] & {
  readonly upstream: FakeUpstream;
} {
  const upstream = new FakeUpstream();
  upstream.script = (sent) => {
    const { prompt } = sent.body as { readonly prompt: string };
    sent.answer(tokenize(sent.request.url, prompt));
  };
  const { signal } = new AbortController();
  return { clock: new FakeClock(), upstream, headers: [], timeoutMs: 1_000, signal };
}

const PAIR = [looked("p", "prefill"), looked("d", "decode")];

Deno.test("tokenizerFindings() asks every engine of a model for the ids of every hard text", async () => {
  const parts = askParts((_url, prompt) => jsonResponse({ tokens: [prompt.length] }));
  const found = await tokenizerFindings(PAIR, parts);
  assertEquals(lines(found), [
    `ok m: 2 engines make the same ids of ${HARD_TEXTS.length} hard texts`,
  ]);
  assertEquals(parts.upstream.sent.length, 2 * HARD_TEXTS.length);
});

Deno.test("tokenizerFindings() tells the first text whose ids differ", async () => {
  const other = HARD_TEXTS[3] ?? "";
  const found = await tokenizerFindings(
    PAIR,
    askParts((url, prompt) =>
      jsonResponse({ tokens: [url.includes("//d:") && prompt === other ? 0 : prompt.length] })
    ),
  );
  assertEquals(found.map(({ outcome, subject }) => [outcome, subject]), [
    ["failed", "decode http://d:8000"],
  ]);
  assertStringIncludes(found[0]?.said ?? "", JSON.stringify(other));
});

Deno.test("tokenizerFindings() warns of engines that make no ids, and compares the others", async () => {
  const [third] = [looked("x", "decode")];
  const found = await tokenizerFindings(
    [...PAIR, third],
    askParts((url) =>
      url.includes("//p:")
        ? jsonResponse({ detail: "Not Found" }, 404)
        : jsonResponse(url.includes("//x:") ? { tokens: "no" } : { tokens: [1] })
    ),
  );
  assertEquals(lines(found), [
    "warning prefill http://p:8000: POST /tokenize for m: answered 404",
    "warning decode http://x:8000: POST /tokenize for m: answered without ids",
  ]);
});

Deno.test("tokenizerFindings() asks nothing of models that one engine serves", async () => {
  const parts = askParts(() => jsonResponse({ tokens: [] }));
  const found = await tokenizerFindings(PAIR.slice(0, 1), parts);
  assertEquals([lines(found), parts.upstream.sent.length], [
    ["skipped : no two engines serve one model"],
    0,
  ]);
});
