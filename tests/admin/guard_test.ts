import { checkType, letIn, letSeePage } from "../../lib/admin/guard.ts";
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

Deno.test("letIn() takes its own page, and nothing from others in browsers, wherever they are from", () => {
  const open = { keys: undefined, loopback: true };
  const host = "127.0.0.1:8002";
  for (
    const origin of [
      ...["http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:8003"],
      ...[
        "http://localhost:8002",
        `ftp://${host}`,
        `http://${host}/`,
        `http://${host}.evil.example`,
      ],
      `http://${host}, http://evil.example`,
    ]
  ) {
    assertEquals(outcome(open, asked({ host, origin })), "forbidden", origin);
    const said = { host, origin, "sec-fetch-site": "same-origin" };
    assertEquals(outcome(open, asked(said)), "forbidden", origin);
  }
  for (const site of ["cross-site", "same-site", "", "other"]) {
    assertEquals(outcome(open, asked({ host, "sec-fetch-site": site })), "forbidden", site);
    const said = { host, origin: `http://${host}`, "sec-fetch-site": site };
    assertEquals(outcome(open, asked(said)), "forbidden", site);
  }
  for (
    const own of [
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "same-origin" },
      { origin: `http://${host}` },
      { origin: `https://${host}`, "sec-fetch-site": "same-origin" },
    ]
  ) {
    assertEquals(outcome(open, asked({ host, ...own })), "10.1.2.3:4567", JSON.stringify(own));
    assertEquals(outcome(open, asked({ host, ...own }, "POST")), "10.1.2.3:4567");
  }
});

Deno.test("letIn() takes no page under a name that could lead anywhere, unless it has a key", () => {
  const open = { keys: undefined, loopback: false, host: "Router.example" };
  const of = (host: string, deps: Parameters<typeof letIn>[0] = open): string =>
    outcome(deps, asked({ host, origin: `http://${host}` }, "POST"));
  for (const host of ["10.1.2.3:8002", "[fd00::1]:8002", "localhost:8002", "router.example:8002"]) {
    assertEquals(of(host), "10.1.2.3:4567", host);
  }
  for (const host of ["evil.example:8002", "router.example.evil.example", "router"]) {
    assertEquals(of(host), "forbidden", host);
    assertEquals(
      outcome(open, asked({ host, "sec-fetch-site": "same-origin" })),
      "forbidden",
      host,
    );
  }
  const keys = new KeyStore({
    given: [sha256("sk-1")],
    clock: new FakeClock(),
    log: silentLogger(),
    secret: "s",
  });
  const host = "router.internal:8002";
  assertEquals(of(host, { keys, loopback: false }), "unauthorized");
  const keyed = { host, origin: `https://${host}`, authorization: "Bearer sk-1" };
  assertEquals(
    outcome({ keys, loopback: false }, asked(keyed, "POST")),
    "10.1.2.3:4567 api-key-1",
  );
  assertEquals(
    outcome({ keys, loopback: false }, asked({ ...keyed, origin: "https://evil.example" }, "POST")),
    "forbidden",
  );
});

Deno.test("letSeePage() lets the page be opened from anywhere, but be no part of another", () => {
  const seen = (headers: Readonly<Record<string, string>>): boolean => {
    try {
      letSeePage({ keys: undefined, loopback: true }, asked(headers));
      return true;
    } catch (error) {
      assertEquals(errorCodeOf(error), "forbidden");
      return false;
    }
  };
  const host = "localhost:8002";
  const opened = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  assertEquals(seen({ host }), true);
  assertEquals(seen({ host, "sec-fetch-site": "none", ...opened }), true);
  assertEquals(seen({ host, "sec-fetch-site": "cross-site", ...opened }), true);
  assertEquals(seen({ host, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }), true);
  assertEquals(
    seen({ host, "sec-fetch-site": "cross-site", ...opened, "sec-fetch-dest": "iframe" }),
    false,
  );
  assertEquals(
    seen({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }),
    false,
  );
  assertEquals(seen({ host, origin: "http://evil.example" }), false);
  assertEquals(seen({ host: "evil.example", ...opened }), false);
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
