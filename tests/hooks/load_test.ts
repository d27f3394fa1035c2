import { RouterError } from "../../lib/base/mod.ts";
import { loadHooks } from "../../lib/hooks/mod.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const NAMED = { file: "h.ts", name: "it" };

class Handler {
  readonly #answer = 403;
  preRequest(): Response {
    return new Response(null, { status: this.#answer });
  }
  rewriteRequest(body: string): string {
    return `${body}${this.#answer}`;
  }
}

Deno.test("loadHooks() takes objects, instances and functions", async () => {
  const handler = new Handler();
  const importModule = (): Promise<unknown> => Promise.resolve({ it: handler });
  const loaded = await loadHooks({ callbacks: NAMED, rewriter: NAMED }, importModule);
  assertEquals(loaded.callbacks === handler, true);
  assertEquals(await loaded.rewriter?.("a", "m", "/"), "a403");
  const own = (body: string): string => body;
  const plain = await loadHooks({ rewriter: NAMED }, () => Promise.resolve({ it: own }));
  assertEquals([plain.rewriter, plain.callbacks], [own, undefined]);
});

Deno.test("loadHooks() imports nothing where nothing is named", async () => {
  const importModule = (): Promise<never> => Promise.reject(new Error("imported"));
  assertEquals(await loadHooks({}, importModule), {});
});

Deno.test("loadHooks() says what to put right", async () => {
  const rows: readonly (readonly [unknown, "callbacks" | "rewriter", string])[] = [
    [new Error("Module not found"), "callbacks", "cannot import h.ts: Module not found"],
    [{ other: 1, more: 2 }, "callbacks", 'h.ts exports no "it"; it exports other, more'],
    [{}, "rewriter", '--request-rewriter: h.ts exports no "it"; it exports nothing'],
    [{ it: {} }, "callbacks", "is no object with a function preRequest, postRequest or both"],
    [{ it: { preRequest: 1 } }, "callbacks", "is no object with a function preRequest"],
    [{ it: 7 }, "callbacks", "is no object with a function preRequest"],
    [{ it: {} }, "rewriter", "is no function and has no function rewriteRequest"],
  ];
  for (const [module, which, message] of rows) {
    const importModule = (): Promise<unknown> =>
      module instanceof Error ? Promise.reject(module) : Promise.resolve(module);
    const error = await assertRejects(
      () => loadHooks({ [which]: NAMED }, importModule),
      RouterError,
    );
    assertStringIncludes(error.message, message);
  }
});
