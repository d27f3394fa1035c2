import { LiveEngine } from "../../lib/fleet/live_engine.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { cards, engine } from "./support.ts";

const CREATED = 1_700_000_000;

/** Ids of the cards of an engine. */
function cardIds({ cards }: LiveEngine): readonly string[] {
  return cards.map(({ id }) => id);
}

Deno.test("LiveEngine has the models it is configured with, and plain cards of them", () => {
  const live = new LiveEngine(engine("b", ["m"]), CREATED);
  assertEquals(live.engine.models, ["m"]);
  assertEquals(live.cards, [{
    id: "m",
    object: "model",
    created: CREATED,
    owned_by: "vllm",
    root: "m",
    parent: null,
  }]);
  const unknown = new LiveEngine(engine("a"), CREATED);
  assertEquals([unknown.engine.models, unknown.cards], [[], []]);
});

Deno.test("LiveEngine is idle and good at first", () => {
  const { inflight, verdict, leaving } = new LiveEngine(engine("a"), CREATED);
  assertEquals([inflight, verdict.kind, leaving], [0, "good", false]);
});

Deno.test("LiveEngine.learn() takes the models that an engine says it serves", () => {
  const live = new LiveEngine(engine("a"), CREATED);
  const said = [{ id: "m", max_model_len: 4096 }, { id: "lora", parent: "m" }];
  live.learn(said);
  assertEquals([live.engine.models, live.cards], [["m", "lora"], said]);
  assertEquals(live.configured.models, []);
  live.learn(cards(["n"]));
  assertEquals([live.engine.models, cardIds(live)], [["n"], ["n"]]);
});

Deno.test("LiveEngine.learn() keeps to configured models, and takes only their cards", () => {
  const live = new LiveEngine(engine("a", ["m"]), CREATED);
  live.learn([{ id: "m", max_model_len: 8 }, { id: "other" }]);
  assertEquals([live.engine.models, live.cards], [["m"], [{ id: "m", max_model_len: 8 }]]);
});

Deno.test("LiveEngine.learn() keeps a configured model's own card when the engine has none", () => {
  const live = new LiveEngine(engine("a", ["m"]), CREATED);
  live.learn(cards(["other"]));
  assertEquals([live.engine.models, cardIds(live)], [["m"], ["m"]]);
});

Deno.test("LiveEngine.configure() takes the new record, and keeps the models that were read", () => {
  const live = new LiveEngine(engine("a"), CREATED);
  live.learn(cards(["m"], 16));
  live.configure(engine("a", [], { role: "decode" }));
  assertEquals([live.engine.role, live.engine.models], ["decode", ["m"]]);
  assertEquals([live.configured.models, live.cards], [[], cards(["m"], 16)]);
});

Deno.test("LiveEngine.configure() with models keeps the cards that it knows of these", () => {
  const live = new LiveEngine(engine("a"), CREATED);
  live.learn(cards(["m", "n"], 16));
  live.configure(engine("a", ["n"]));
  assertEquals([live.engine.models, live.cards], [["n"], cards(["n"], 16)]);
  live.configure(engine("a", ["o"]));
  assertEquals([live.engine.models, cardIds(live)], [["o"], ["o"]]);
  assertEquals(live.cards[0]?.["created"], CREATED);
});

Deno.test("LiveEngine.configure() without models keeps the known ones until the engine says its own", () => {
  const live = new LiveEngine(engine("a", ["m"]), CREATED);
  live.configure(engine("a", [], { role: "decode" }));
  assertEquals([live.engine.role, live.engine.models, cardIds(live)], ["decode", ["m"], ["m"]]);
  live.learn(cards(["n"]));
  assertEquals([live.engine.models, cardIds(live)], [["n"], ["n"]]);
});

Deno.test("LiveEngine.isConfigured() compares all of a record, as its source has it", () => {
  const nixl = { host: "h", initPorts: [1], allocPorts: [2], modes: ["p1"] as const };
  const live = new LiveEngine(engine("a", [], { role: "decode", nixl }), CREATED);
  live.learn(cards(["m"]));
  const same = engine("a", [], { role: "decode", nixl: { ...nixl, initPorts: [1] } });
  assert(live.isConfigured(same), "equal, if not identical");
  const others = [
    engine("a", [], { role: "any", nixl }),
    engine("a", ["m"], { role: "decode", nixl }),
    engine("a", [], { role: "decode" }),
    engine("a", [], { role: "decode", nixl: { ...nixl, modes: ["d1"] } }),
    engine("a", [], { role: "decode", nixl, label: "decode" }),
  ];
  for (const other of others) assertEquals(live.isConfigured(other), false);
});

Deno.test("LiveEngine.entry() stays as it was when the engine changes", () => {
  const live = new LiveEngine(engine("a", ["m"]), CREATED);
  const entry = live.entry();
  live.configure(engine("a", ["n"]));
  live.learn(cards(["n"], 8));
  assertEquals([entry.engine.models, entry.cards.map(({ id }) => id)], [["m"], ["m"]]);
  assertEquals(live.entry().created, CREATED);
});

Deno.test("LiveEngine.learn() takes adapters on configured models, as long as they are there", () => {
  const live = new LiveEngine(engine("a", ["m", "n"]), CREATED);
  live.learn([...cards(["m"]), { id: "lora", parent: "m" }, { id: "x", parent: "other" }]);
  assertEquals([live.engine.models, cardIds(live)], [["m", "n", "lora"], ["m", "lora"]]);
  live.learn(cards(["m"]));
  assertEquals([live.engine.models, cardIds(live)], [["m", "n"], ["m"]]);
});

Deno.test("LiveEngine says in its entry that it sleeps", () => {
  const live = new LiveEngine(engine("a"), CREATED);
  assertEquals(live.entry().asleep, undefined);
  live.asleep = true;
  assertEquals(live.entry().asleep, true);
});
