import { EndedRequests } from "../../lib/observe/ended_requests.ts";
import { knownOf, type LivePart, MAX_TOLD, type NamedPart } from "../../lib/observe/live_part.ts";
import { assertEquals } from "../support/assert.ts";
import { request, ROUTER } from "../page/support.ts";

function named(of: string, count: number, ended: readonly number[]): NamedPart {
  const { rate: _rate, ...router } = ROUTER;
  const part: LivePart = {
    ...{ started: 1, engines: [], pairs: [], router, times: [], count },
    ended: ended.map((seq) => request(seq)),
  };
  return { of, part };
}

function seqs({ ended }: ReturnType<EndedRequests["since"]>): readonly number[] {
  return ended.map((json) => JSON.parse(json).seq);
}

Deno.test("EndedRequests counts what ended since the first look, of all routers", () => {
  const requests = new EndedRequests();
  requests.take([named("1.1", 500, []), named("2.1", 70, [])]);
  assertEquals([requests.count, requests.since(0)], [0, { ended: [], untold: 0 }]);
  requests.take([named("1.1", 502, [11, 14]), named("2.1", 71, [12])]);
  // In the order of their ends, whoever has told them.
  assertEquals([requests.count, seqs(requests.since(0))], [3, [11, 12, 14]]);
  assertEquals(seqs(requests.since(2)), [14]);
  assertEquals(requests.known, { "1.1": 502, "2.1": 71 });
});

Deno.test("EndedRequests has all of a router that has begun since, and none twice of one that was away", () => {
  const requests = new EndedRequests();
  requests.take([named("1.1", 5, []), named("2.1", 9, [])]);
  requests.take([named("1.1", 5, [])]);
  requests.take([named("1.1", 5, []), named("2.1", 9, []), named("2.2", 1, [3])]);
  assertEquals([requests.count, seqs(requests.since(0))], [1, [3]]);
  assertEquals([knownOf({}, "a"), knownOf({ b: 3 }, "a"), knownOf({ b: 3 }, "b")], [
    undefined,
    0,
    3,
  ]);
});

Deno.test("EndedRequests keeps so many, and says how many more there were", () => {
  const requests = new EndedRequests();
  requests.take([named("1.1", 0, [])]);
  const all = Array.from({ length: MAX_TOLD }, (_, at) => at + 900);
  requests.take([named("1.1", 1_000, all)]);
  const { ended, untold } = requests.since(0);
  assertEquals([ended.length, untold], [MAX_TOLD, 900]);
  assertEquals(requests.since(950).ended.length, 50);
  assertEquals(requests.since(1_000), { ended: [], untold: 0 });
});
