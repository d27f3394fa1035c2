import { checkType, letIn } from "../../lib/admin/guard.ts";
import { errorCodeOf, sha256, silentLogger } from "../../lib/base/mod.ts";
import { KeyStore } from "../../lib/doors/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const REMOTE = { hostname: "10.1.2.3", port: 4567 };

type Asked = Parameters<typeof letIn>[1];

function asked(headers: Readonly<Record<string, string>>, method = "GET"): Asked {
  return {
    method,
    headers: new Map(Object.entries(headers)) as unknown as Asked["headers"],
    remote: REMOTE,
  };
}

/** What came of a visit: who it is, or the code of the refusal. */
function outcome(deps: Parameters<typeof letIn>[0], request: Asked): string {
  try {
    using visit = letIn(deps, request);
    return visit.by;
  } catch (error) {
    return errorCodeOf(error) ?? String(error);
  }
}

Deno.test("letIn() on loopback takes names of this machine alone, so that no page can rename it", () => {
  const open = { keys: undefined, loopback: true };
  for (
    const host of [
      "127.0.0.1:8002",
      "127.0.0.1",
      "127.9.9.9:1",
      "localhost:8002",
      "LOCALHOST.",
      "[::1]:8002",
    ]
  ) {
    assertEquals(outcome(open, asked({ host })), "10.1.2.3:4567", host);
  }
  for (
    const host of [
      "evil.example:8002",
      "",
      "10.0.0.1",
      "[::2]:8002",
      "localhost.evil.example",
      "127.0.0.1.evil",
    ]
  ) {
    assertEquals(outcome(open, asked({ host })), "forbidden", host);
  }
  assertEquals(outcome(open, asked({})), "forbidden");
  assertEquals(
    outcome({ keys: undefined, loopback: false }, asked({ host: "router" })),
    "10.1.2.3:4567",
  );
});

Deno.test("letIn() takes nothing from pages in browsers, wherever they are from", () => {
  const open = { keys: undefined, loopback: true };
  const host = "127.0.0.1:8002";
  for (const origin of ["http://evil.example", "null", `http://${host}`]) {
    assertEquals(outcome(open, asked({ host, origin })), "forbidden", origin);
  }
  for (const site of ["cross-site", "same-site", "same-origin"]) {
    assertEquals(outcome(open, asked({ host, "sec-fetch-site": site })), "forbidden", site);
  }
  assertEquals(outcome(open, asked({ host, "sec-fetch-site": "none" })), "10.1.2.3:4567");
});

Deno.test("letIn() asks for a key where there are keys, and tells by its name who it was", () => {
  const keys = new KeyStore({
    given: [sha256("sk-1")],
    clock: new FakeClock(),
    log: silentLogger(),
    secret: "s",
  });
  const locked = { keys, loopback: false };
  assertEquals(outcome(locked, asked({})), "unauthorized");
  assertEquals(outcome(locked, asked({ authorization: "Bearer sk-2" })), "unauthorized");
  assertEquals(outcome(locked, asked({ authorization: "Bearer sk-1" })), "10.1.2.3:4567 api-key-1");
  assertEquals(outcome(locked, asked({ "x-api-key": "sk-1" })), "10.1.2.3:4567 api-key-1");
  // What it was let in with has been given back.
  assertEquals(keys.find("sk-1")?.running, 0);
});

Deno.test("checkType() wants JSON of what forms could send", () => {
  const taken = (method: string, type?: string): boolean => {
    try {
      checkType(asked(type === undefined ? {} : { "content-type": type }, method));
      return true;
    } catch (error) {
      assertEquals(errorCodeOf(error), "unsupported-type");
      return false;
    }
  };
  assertEquals(taken("GET"), true);
  assertEquals(taken("DELETE"), true);
  for (
    const type of [
      "application/json",
      "Application/JSON; charset=utf-8",
      "application/merge-patch+json",
    ]
  ) {
    assertEquals([taken("POST", type), taken("PATCH", type)], [true, true], type);
  }
  for (
    const type of [undefined, "", "text/plain", "text/plain; application/json", "application/json5"]
  ) {
    assertEquals([taken("POST", type), taken("PATCH", type)], [false, false], type);
  }
});
