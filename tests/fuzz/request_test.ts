/** What reads requests, with a fault planted in it: each is found. */
import { encodeUtf8, jsonOf, recordOf, RouterError } from "../../lib/base/mod.ts";
import { readingGeneration } from "../../lib/disagg/mod.ts";
import { shownKeys } from "../../lib/doors/credentials.ts";
import { clientAddress } from "../../lib/doors/forwarded.ts";
import { RequestHeadReader } from "../../lib/front/http1/request_head.ts";
import { readBody } from "../../lib/http/body.ts";
import { codingOf } from "../../lib/http/coding.ts";
import { scanningForm } from "../../lib/http/multipart.ts";
import { targetOf } from "../../lib/http/target.ts";
import { toUtf8 } from "../../lib/http/utf8.ts";
import { type Member, parsingRequest, scanObject } from "../../lib/openai/mod.ts";
import { bodyTarget, codingTarget } from "../../scripts/fuzz/request/body.ts";
import { encodingsTarget } from "../../scripts/fuzz/request/encodings.ts";
import { fieldsTarget } from "../../scripts/fuzz/request/fields.ts";
import { formTarget } from "../../scripts/fuzz/request/form.ts";
import { jsonBodyTarget } from "../../scripts/fuzz/request/json_body.ts";
import { jsonEditTarget } from "../../scripts/fuzz/request/json_edit.ts";
import { jsonScanTarget } from "../../scripts/fuzz/request/json_scan.ts";
import { requestHeadTarget } from "../../scripts/fuzz/request/request_head.ts";
import { targetPathTarget } from "../../scripts/fuzz/request/target_path.ts";
import { assertFound } from "./support.ts";

Deno.test("json-scan finds members that are lost, and errors that nobody has told of", async () => {
  const losing = jsonScanTarget((bytes, options): Member[] => {
    const members = scanObject(bytes, options);
    return members.filter(({ key }) => key !== "__proto__");
  });
  await assertFound(losing, "walk differs");
  const throwing = jsonScanTarget((bytes, options) => {
    if (bytes.includes(0xff)) throw new RangeError("planted");
    return scanObject(bytes, options);
  });
  await assertFound(throwing, "throws RangeError: planted");
});

Deno.test("json-edit finds a member that is not replaced", async () => {
  const broken = jsonEditTarget((object, remove) => {
    const members = { ...recordOf(jsonOf(object.bytes)) };
    delete members[remove];
    return encodeUtf8(JSON.stringify({ b: [1], ...members, "new\n": "x" }));
  });
  await assertFound(broken, "edited");
});

Deno.test("json-body finds a flag that is read wrong", async () => {
  const broken = jsonBodyTarget(function* (form, bytes) {
    const request = yield* parsingRequest(bytes, { soleModel: "sole" });
    return yield* readingGeneration(form, {
      ...request,
      stream: request.stream && request.body.value("stream") === true,
    });
  });
  await assertFound(broken, "model or stream");
});

Deno.test("encodings finds characters beyond the first plane that are cut", async () => {
  const broken = encodingsTarget(function* (bytes, take) {
    const text = yield* toUtf8(bytes, take);
    const cut = text.findIndex((byte) => byte >= 0xf0);
    return text.buffer === bytes.buffer || cut < 0 ? text : text.fill(0x3f, cut, cut + 1);
  });
  await assertFound(broken, "decoded");
});

Deno.test("body finds bytes that are lost, and bytes that are not counted", async () => {
  const losing = bodyTarget(async (body, limit, reading) => {
    const bytes = await readBody(body, limit, reading);
    reading?.share?.shrink(bytes.length - bytes.length % 1000);
    reading?.share?.grow(bytes.length - bytes.length % 1000);
    return bytes.slice().fill(0, 1000, 1001);
  });
  await assertFound(losing, "body");
  const uncounted = bodyTarget((body, limit, reading) =>
    readBody(body, limit, reading?.coding === undefined ? {} : reading)
  );
  await assertFound(uncounted, "held");
});

Deno.test("coding finds a body that is taken although it is cut short", async () => {
  const broken = codingTarget(async (body, limit, reading) => {
    try {
      return await readBody(body, limit, reading);
    } catch (error) {
      if (!(error instanceof RouterError) || !error.message.includes("unexpected end")) throw error;
      reading?.share?.shrink(limit);
      return new Uint8Array(0);
    }
  });
  await assertFound(broken, "taken");
});

Deno.test("request-head finds a head that is read by how it comes", async () => {
  const broken = requestHeadTarget(() => {
    const reader = new RequestHeadReader();
    return {
      read(window) {
        // A byte that comes alone is lost.
        if (window.end - window.start === 1) window.start = window.end;
        return reader.read(window);
      },
    };
  });
  await assertFound(broken, "cuts");
});

Deno.test("target-path finds a target that means something else to others", async () => {
  const broken = targetPathTarget(({ target, headers }, root) => {
    const parsed = targetOf({ target: target.replace("#", ""), headers }, root);
    return parsed;
  });
  await assertFound(broken, "host");
});

Deno.test("fields finds keys, clients and codings that are made up", async () => {
  const keys = fieldsTarget({ keys: (headers) => [...shownKeys(headers), ""] });
  await assertFound(keys, "keys");
  const client = fieldsTarget({
    client: (visitor, trusted) =>
      visitor.headers.get("x-real-ip") ?? clientAddress(visitor, trusted),
  });
  await assertFound(client, "client");
  const coding = fieldsTarget({
    coding: (field) => {
      if (field === "br") throw new TypeError("planted");
      return field?.includes(",") ? JSON.parse(field) : codingOf(field);
    },
  });
  await assertFound(coding, "throws SyntaxError");
  await assertFound(fieldsTarget({ forward: (headers) => [...headers] as never }), "hop");
});

Deno.test("form finds a part whose end is missed, and errors that nobody has told of", async () => {
  const missing = formTarget(function* (bytes, boundary) {
    const parts = yield* scanningForm(bytes, boundary);
    return parts.map((part) => ({ ...part, end: part.end + (part.start === part.end ? 1 : 0) }));
  });
  await assertFound(missing, "parts: ");
  const throwing = formTarget((bytes, boundary) => {
    if (bytes.includes(0xff)) throw new RangeError("planted");
    return scanningForm(bytes, boundary);
  });
  await assertFound(throwing, "throws RangeError: planted");
});
