import type { KvBuffer } from "../../lib/base/mod.ts";
import { PairSeats, Seats, staticSource, UNBOUNDED, USUAL_SEATS } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engine, failure, Scene } from "./support.ts";

const BUFFER: KvBuffer = { bytes: 1_000, bytesPerToken: 1, chunkTokens: 100 };
const NIXL = { host: "d", initPorts: [1], allocPorts: [2], modes: ["p1"], buffer: BUFFER } as const;
const P = engine("p", ["m"], { role: "prefill", kv: "lmcache" });
const D = engine("d", ["m"], { role: "decode", kv: "lmcache", nixl: NIXL });
const BY_ENGINE = { prefill: undefined, serving: undefined };

/** The seats of one engine, and how often it had room again. */
function seatsOf(
  record = D,
  limits = UNBOUNDED,
): { readonly seats: Seats; readonly told: number[] } {
  const told: number[] = [];
  const seats: Seats = new Seats(record, limits, () => told.push(seats.seats));
  return { seats, told };
}

/** A fleet of `P` and `D`, and the ids of engines it told of. */
async function seatedScene(): Promise<{ readonly scene: Scene; readonly roomy: string[] }> {
  const scene = new Scene({ p: [{ id: "m" }], d: [{ id: "m" }] }, { seats: BY_ENGINE });
  scene.follow(staticSource([P, D]));
  await settle();
  const roomy: string[] = [];
  scene.fleet.watchRoom((at) => roomy.push(at?.id ?? "any"));
  return { scene, roomy };
}

Deno.test("Seats.maxSeats is the configured bound, else what is known of the engine, else the usual", () => {
  const limits = { prefill: 3, serving: 5 };
  const known = { ...D, maxNumSeqs: 7 };
  assertEquals([seatsOf(P, limits), seatsOf(known, limits)].map(({ seats }) => seats.maxSeats), [
    3,
    5,
  ]);
  assertEquals(seatsOf(known, BY_ENGINE).seats.maxSeats, 7);
  assertEquals(
    [seatsOf(P, BY_ENGINE), seatsOf(D, BY_ENGINE)].map(({ seats }) => seats.maxSeats),
    [USUAL_SEATS.prefill, USUAL_SEATS.serving],
  );
});

Deno.test("Seats.take() counts until the seat is given back, and tells then, once", () => {
  const { seats, told } = seatsOf();
  const [one, other] = [seats.take(), seats.take()];
  assertEquals([seats.seats, told], [2, []]);
  one.release();
  one.release();
  assertEquals([seats.seats, told], [1, [1]]);
  other.release();
  assertEquals([seats.seats, told], [0, [1, 0]]);
});

Deno.test("Seats.configure() keeps what is taken under other bounds", () => {
  const { seats } = seatsOf(D, BY_ENGINE);
  using _seat = seats.take();
  seats.configure({ ...D, maxNumSeqs: 1, nixl: { ...NIXL, buffer: { ...BUFFER, bytes: 5_000 } } });
  assertEquals([seats.seats, seats.maxSeats, seats.buffer?.bytes], [1, 1, 5_000]);
});

Deno.test("Seats.takeKv() promises whole chunks until the KV has been read", () => {
  const { seats, told } = seatsOf();
  const place = seats.takeKv(101);
  assertEquals(seats.kvBytes, 200);
  const held = place?.move();
  place?.[Symbol.dispose]();
  assertEquals([seats.kvBytes, told.length], [200, 0]);
  held?.release();
  held?.release();
  assertEquals([seats.kvBytes, told.length], [0, 1]);
  assertEquals([seats.takeKv(0), seatsOf(P).seats.takeKv(5)], [undefined, undefined]);
});

Deno.test("KvPlace.settle() takes what a prompt turns out to need, where there is room", () => {
  const { seats, told } = seatsOf();
  using place = seats.takeKv(300);
  using _other = seats.takeKv(500);
  assertEquals([place?.settle(500), seats.kvBytes], [true, 1_000]);
  assertEquals([place?.settle(501), seats.kvBytes, told.length], [false, 1_000, 0]);
  assertEquals([place?.settle(10), seats.kvBytes, told.length], [true, 600, 1]);
});

Deno.test("PairSeats gives back what has not been moved, once", () => {
  const [p, d] = [seatsOf(P).seats, seatsOf(D).seats];
  const seats = new PairSeats(p.take(), d.take(), d.takeKv(1));
  const moved = seats.decode.move();
  seats[Symbol.dispose]();
  seats[Symbol.dispose]();
  assertEquals([p.seats, d.seats, d.kvBytes], [0, 1, 0]);
  moved.release();
  assertEquals(d.seats, 0);
});

Deno.test("Fleet.seatPair() takes seats of both engines, which their flights give back", async () => {
  const { scene, roomy } = await seatedScene();
  await using _scene = scene;
  const { fleet } = scene;
  {
    using seats = fleet.seatPair({ prefill: P, decode: D }, 150);
    assertEquals(fleet.seated, { seats: 2, kvBytes: 200 });
    const prefill = fleet.take(P, "prefill", D, seats.prefill);
    const decode = fleet.take(D, "decode", P, seats.decode);
    prefill.ok();
    assertEquals([fleet.seated.seats, roomy], [1, ["p"]]);
    decode.failed(failure("decode-failed"));
    decode.failed(failure("decode-failed"));
    assertEquals(fleet.seated, { seats: 0, kvBytes: 200 });
  }
  assertEquals(fleet.seated, { seats: 0, kvBytes: 0 });
  assertEquals(roomy, ["p", "d", "d", "p"]);
});

Deno.test("Seats.needed counts whose KV is to be had of an engine, and tells when nobody needs it", () => {
  const { seats, told } = seatsOf(P);
  const [seat, transfer, other] = [seats.take(), seats.takeTransfer(), seats.takeTransfer()];
  assertEquals([seats.needed, told.length], [2, 0]);
  other.release();
  seat.release();
  assertEquals([seats.needed, told.length], [1, 1]);
  transfer.release();
  transfer.release();
  assertEquals([seats.needed, told.length], [0, 2]);
});

Deno.test("Fleet.hasSeat() is true of engines that are gone, whose seats count nothing", async () => {
  const { scene } = await seatedScene();
  await using _scene = scene;
  const gone = engine("gone", ["m"]);
  assert(scene.fleet.hasSeat(gone));
  scene.fleet.seat(gone).release();
  assertEquals(scene.fleet.seated.seats, 0);
});

Deno.test("Fleet.watchRoom() tells of verdicts and of changes, until it is disposed", async () => {
  await using scene = new Scene({ p: [{ id: "m" }] }, { seats: BY_ENGINE });
  const roomy: string[] = [];
  const watching = scene.fleet.watchRoom((at) => roomy.push(at?.id ?? "any"));
  scene.follow(staticSource([P]));
  await settle();
  assert(roomy.includes("any"), "it has come");
  roomy.length = 0;
  scene.fleet.take(P, "models").failed(failure("upstream-unreachable"));
  assertEquals(roomy, ["p"]);
  watching[Symbol.dispose]();
  scene.fleet.seat(P).release();
  assertEquals(roomy, ["p"]);
});
