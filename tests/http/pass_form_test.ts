import { concatBytes, RouterError } from "../../lib/base/mod.ts";
import { passForm } from "../../lib/http/pass_form.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { callOf, type HttpChanges, type HttpSetting, httpSetting } from "../support/http_fakes.ts";
import { json } from "../support/scripted_upstream.ts";

const [A, B, P] = [engineOf("a", "any"), engineOf("b", "decode"), engineOf("p", "prefill")];
const TRANSCRIPTIONS = "/v1/audio/transcriptions";

interface Forms extends HttpSetting {
  ask(fields: Readonly<Record<string, string | File>>, query?: string): Promise<void>;
  errorOf(fields: Readonly<Record<string, string | File>>, query?: string): Promise<RouterError>;
}

function forms(changes: HttpChanges = {}): Forms {
  const setting = httpSetting({ engines: [A, B, P], ...changes });
  const ask: Forms["ask"] = async (fields, query = "") => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    const request = new Request(`http://router${TRANSCRIPTIONS}${query}`, {
      method: "POST",
      body: form,
    });
    await passForm(setting.deps, callOf(setting.deps, request), { answer: "text" });
  };
  const errorOf: Forms["errorOf"] = async (fields, query) => {
    const error = await assertRejects(() => ask(fields, query), RouterError);
    assertEquals(setting.upstream.sent, []);
    return error;
  };
  return { ...setting, ask, errorOf };
}

const FILE = new File([new Uint8Array([0, 255, 13, 10, 45])], "f.wav");

/** What the engine was sent of a form: its fields, by the platform's own reader. */
async function sentBy({ upstream }: Forms): Promise<Readonly<Record<string, unknown>>> {
  const { body = [], headers = [] } = upstream.sent.at(-1)?.request ?? {};
  const type = headers.find(([name]) => name === "content-type")?.[1] ?? "";
  const bytes = concatBytes(body).slice();
  const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
  return Object.fromEntries(form);
}

Deno.test("passForm() sends a form on as it came, files in front of the model or behind it", async () => {
  await using setting = forms();
  for (const fields of [{ file: FILE, model: "m" }, { model: "m", file: FILE }, { file: FILE }]) {
    await setting.ask(fields);
    const sent = await sentBy(setting);
    assertEquals(Object.keys(sent), Object.keys(fields));
    const { file } = sent;
    assertEquals(file instanceof File && await file.bytes(), await FILE.bytes());
  }
});

Deno.test("passForm() puts a model's own name in the place of an alias", async () => {
  await using setting = forms({ config: { aliases: new Map([["whisper", "m"]]) } });
  for (const fields of [{ model: "whisper", file: FILE }, { file: FILE, model: "whisper" }]) {
    await setting.ask(fields);
    const { model, file } = await sentBy(setting);
    assertEquals(model, "m");
    assertEquals(file instanceof File && await file.bytes(), await FILE.bytes());
  }
});

Deno.test("passForm() asks the engine that ?id= picks", async () => {
  await using setting = forms();
  for (let turn = 0; turn < 3; turn++) {
    await setting.ask({ model: "m", file: FILE }, "?id=b&x=1");
    assertEquals(setting.upstream.sent.at(-1)?.to, "b");
    assertEquals(setting.upstream.sent.at(-1)?.path, `${TRANSCRIPTIONS}?x=1`);
  }
});

Deno.test("passForm() says what is wrong with a form", async () => {
  const other = { ...engineOf("o", "any"), models: ["other"] };
  const cases = [
    [{ file: FILE }, "", "bad-request", "model", "Missing field 'model'"],
    [{ model: "", file: FILE }, "", "bad-request", "model", "Missing field 'model'"],
    [{ model: FILE }, "", "bad-request", "model", "must be a text, not a file"],
    [{ model: "x".repeat(70_000) }, "", "bad-request", "model", "at most 65536"],
    [{ model: "m", stream: "maybe" }, "", "bad-request", "stream", 'received "maybe"'],
    [{ model: "none" }, "", "unknown-model", "model", "does not exist"],
    [{ model: "m" }, "?id=z", "unknown-engine", "id", "No engine has the id"],
    [{ model: "m" }, "?id=p", "bad-request", "id", "only prefills"],
  ] as const;
  for (const [fields, query, code, param, message] of cases) {
    await using setting = forms({ engines: [A, B, P, other] });
    const error = await setting.errorOf(fields, query);
    assertEquals([error.code, error.param], [code, param]);
    assertEquals(error.message.includes(message), true, error.message);
  }
});

Deno.test("passForm() takes no field twice where it decides the way", async () => {
  await using setting = forms();
  const body = new FormData();
  body.append("model", "m");
  body.append("model", "other");
  const request = new Request(`http://router${TRANSCRIPTIONS}`, { method: "POST", body });
  const error = await assertRejects(
    () => passForm(setting.deps, callOf(setting.deps, request)),
    RouterError,
    "several times",
  );
  assertEquals([error.code, error.param], ["bad-request", "model"]);
});

Deno.test("passForm() waits for events where they are asked for", async () => {
  await using setting = forms({ script: () => json({ text: "" }) });
  const error = await assertRejects(
    () => setting.ask({ model: "m", stream: "true" }),
    RouterError,
    "in the place of 'text/event-stream'",
  );
  assertEquals(error.code, "upstream-protocol");
  await setting.ask({ model: "m", stream: "false" });
});

Deno.test("passForm() finds the session in the header, else in the form", async () => {
  const routing = { kind: "session", sessionKey: "user" } as const;
  await using setting = forms({ config: { routing } });
  await setting.ask({ model: "m", user: "u" });
  assertEquals(setting.fleet.directAsks.at(-1)?.session, "u");
  await setting.ask({ model: "m" });
  assertEquals(setting.fleet.directAsks.at(-1)?.session, undefined);
});
