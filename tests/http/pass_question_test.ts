import { RouterError } from "../../lib/base/mod.ts";
import { passQuestion } from "../../lib/http/pass_question.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { callOf, httpSetting, requestTo } from "../support/http_fakes.ts";

const [A, P] = [engineOf("a", "any"), engineOf("p", "prefill")];
const O = { ...engineOf("o", "any"), models: ["other"] };

Deno.test("passQuestion() asks an engine of the model that is named, or of the only one", async () => {
  const aliases = new Map([["small", "m"]]);
  const cases = [
    [[A, P], "/tokenizer_info", "a", "/tokenizer_info"],
    [[A, P], "/tokenizer_info?id=p", "p", "/tokenizer_info"],
    [[A, O], "/v1/audio/voices?model=other&x=%20", "o", "/v1/audio/voices?model=other&x=%20"],
    [[A, O], "/v1/audio/voices?model=small&x=1", "a", "/v1/audio/voices?model=m&x=1"],
    [[A, O], "/v1/audio/voices?id=o", "o", "/v1/audio/voices"],
    [[A, O], "/v1/audio/voices?id=o&model=other", "o", "/v1/audio/voices?model=other"],
  ] as const;
  for (const [engines, path, to, sent] of cases) {
    await using setting = httpSetting({ engines, config: { aliases } });
    const { deps, upstream } = setting;
    await passQuestion(deps, callOf(deps, requestTo(path)));
    const [only, ...more] = upstream.sent;
    assertEquals([only?.to, only?.path, only?.request.method], [to, sent, "GET"], path);
    assertEquals([only?.text, more], ["", []]);
  }
});

Deno.test("passQuestion() says which engine or model it lacks", async () => {
  const cases = [
    ["/v1/audio/voices", "bad-request", "model"],
    ["/v1/audio/voices?model=x", "unknown-model", "model"],
    ["/v1/audio/voices?id=x", "unknown-engine", "id"],
    ["/v1/audio/voices?id=o&model=m", "unknown-model", "model"],
    ["/v1/audio/voices?id=p", "bad-request", "id"],
  ] as const;
  for (const [path, code, param] of cases) {
    await using setting = httpSetting({ engines: [A, O, P] });
    const { deps, upstream } = setting;
    const error = await assertRejects(
      () => passQuestion(deps, callOf(deps, requestTo(path))),
      RouterError,
    );
    assertEquals([error.code, error.param, upstream.sent], [code, param, []], path);
  }
});
