import { FAILURE_ROWS } from "../../scripts/readme/failure_rows.ts";
import { type Failure, FAILURES, type Phase, PHASES } from "../../scripts/readme/failures.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RETRY_AFTER, type Way } from "./failing_engines.ts";
import {
  assertMet,
  type Case,
  casesOf,
  isDirect,
  SETTINGS,
  tookMsOf,
} from "./failures_expected.ts";
import { meet, type Met } from "./failures_support.ts";

const named: string[] = [];

for (const row of FAILURE_ROWS) {
  for (const [phase, ...failures] of row.cells) {
    for (const failure of failures) {
      named.push(`${phase} x ${failure}`);
      Deno.test(`failure: ${phase} x ${failure}`, async () => {
        for (const tried of casesOf(row, phase, failure)) {
          const { way, stream, setting } = tried;
          assertMet(tried, await meet({ phase, failure, way, stream, ...SETTINGS[setting] }));
        }
      });
    }
  }
}

/** What cannot happen, and why. */
const CANNOT:
  readonly (readonly [why: string, phases: readonly Phase[], failures: readonly Failure[]])[] = [
    [
      "nothing is said before there is a connection",
      ["connect", "decode connect", "direct connect"],
      ["4xx", "429", "503", "other 5xx", "bad body"],
    ],
    [
      "there is a connection",
      [
        "prefill before its answer",
        "prefill within its answer",
        "decode before its first byte",
        "mid-stream",
        "direct before its first byte",
        "direct mid-answer",
      ],
      ["refused"],
    ],
    ["nobody is asked for anything", ["KV wait"], [
      "refused",
      "reset",
      "4xx",
      "429",
      "503",
      "other 5xx",
    ]],
  ];

Deno.test("the table of failures has each phase and each failure that can meet, once", () => {
  const cannot = CANNOT.flatMap(([, phases, failures]) =>
    phases.flatMap((phase) => failures.map((failure) => `${phase} x ${failure}`))
  );
  const all = PHASES.flatMap((phase) => FAILURES.map((failure) => `${phase} x ${failure}`));
  assertEquals([...named, ...cannot].sort(), [...all].sort());
});

Deno.test("the page of failures, their table and their tests name the same rows", () => {
  const page = Deno.readTextFileSync(new URL("../../lib/flow/README.md", import.meta.url));
  const [, block = ""] = page.split("<!-- failures:begin -->");
  const cells = [...block.matchAll(/^\| ([^|]* x [^|]*) \|/gm)].flatMap(([, cell = ""]) =>
    cell.split("; ").flatMap((part) => {
      const [phase = "", failures = ""] = part.split(" x ");
      return failures.split(", ").map((failure) => `${phase} x ${failure}`);
    })
  );
  assertEquals(cells, named);
});

Deno.test("every phase has a deadline: an engine that hangs there is given up at its flag's time", async () => {
  for (const phase of PHASES) {
    const row = FAILURE_ROWS.find(({ cells }) =>
      cells.some(([at, ...failures]) => at === phase && failures.includes("timed out"))
    );
    assert(row?.after !== undefined, phase);
    for (const stream of [false, true]) {
      const tried: Case = { row, phase, failure: "timed out", way: "p1", stream, setting: "alone" };
      const way = isDirect(phase) ? "nixl" : "p1";
      const met = await meet({ phase, failure: "timed out", way, stream, ...SETTINGS.alone });
      assertEquals(met.tookMs, tookMsOf({ ...tried, way }), phase);
      assert(met.tookMs > 0);
    }
  }
});

Deno.test("every phase ends with the request's own time, where that is shorter", async () => {
  for (const phase of PHASES) {
    const way = isDirect(phase) ? "nixl" : "p1";
    for (const stream of [false, true]) {
      const met = await meet({
        phase,
        failure: "timed out",
        way,
        stream,
        ...SETTINGS.others,
        requestMs: 500,
      });
      assertEquals(met.tookMs, 500, phase);
      assert(met.got === "504" || met.got === "event: 504", `${phase}: ${met.got}`);
      for (const [what, count] of Object.entries(met.left)) {
        assertEquals(count, 0, `${phase}: ${what}`);
      }
    }
  }
});

const FULL_PHASES = [
  "tokenize",
  "prefill before its answer",
  "decode before its first byte",
  "direct before its first byte",
] as const satisfies readonly Phase[];

for (const failure of ["429", "503"] as const) {
  Deno.test(`engines without room are passed on after one other was asked, with Retry-After: ${failure}`, async () => {
    for (const phase of FULL_PHASES) {
      const ways: readonly Way[] = phase === "tokenize"
        ? ["p1"]
        : isDirect(phase)
        ? ["nixl"]
        : ["p1", "nixl"];
      for (const way of ways) {
        for (const policy of ["direct", "error"] as const) {
          const meeting = {
            phase,
            failure,
            way,
            stream: false,
            engines: 3,
            policy,
            engineFailures: 3,
          };
          const met = await meet({ ...meeting, everywhere: true });
          assertEquals([met.got, met.status, met.retryAfter], [
            "its words",
            Number(failure),
            RETRY_AFTER,
          ], phase);
          const leg = phase.split(" ")[0] ?? "";
          const asked = met.asked.filter((step) => step.startsWith(leg));
          assertEquals([asked.length, new Set(asked).size], [2, 2], phase);
        }
      }
    }
  });
}

/** What a retry must not have in common with the attempt before. */
function onceOnly({ requests }: Met): readonly (readonly string[])[] {
  const prefills = requests.filter(({ to }) => to.startsWith("p"));
  return [
    prefills.map(({ headers }) => headers.get("x-request-id") ?? ""),
    prefills.map(({ text }) => JSON.parse(text).kv_transfer_params?.disagg_spec?.req_id ?? ""),
  ];
}

Deno.test("a retry is a fresh prefill, under ids of its own", async () => {
  const phases = ["prefill before its answer", "decode before its first byte", "KV wait"] as const;
  for (const phase of phases) {
    const failure = phase === "KV wait" ? "timed out" : "other 5xx";
    const met = await meet({ phase, failure, way: "p1", stream: false, ...SETTINGS.others });
    for (const ids of onceOnly(met)) {
      assertEquals(ids.length, 2);
      assert(ids.every((id) => id !== "") && ids[0] !== ids[1], `${phase}: ${ids}`);
    }
  }
});

Deno.test("a retry never gives a decode engine what was given to another", async () => {
  for (const failure of ["reset", "429", "other 5xx", "timed out", "restart"] as const) {
    const phase = "decode before its first byte";
    const met = await meet({ phase, failure, way: "nixl", stream: true, ...SETTINGS.others });
    assertEquals(met.got, "right");
    const given = met.requests.filter(({ to }) => to.startsWith("d"))
      .map(({ text }) => JSON.parse(text).kv_transfer_params);
    assertEquals(given.length, 2, failure);
    assert(given[0].remote_request_id !== given[1].remote_request_id, failure);
    const ids = met.requests.map(({ headers }) => headers.get("x-request-id"));
    assertEquals(new Set(ids).size, 2, failure);
  }
});
