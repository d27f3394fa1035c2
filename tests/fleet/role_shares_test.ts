import { RoleShares, type Standing } from "../../lib/fleet/role_shares.ts";
import { assertEquals } from "../support/assert.ts";

function sharesOf(maxShutShare: number, standings: readonly Standing[]): RoleShares {
  const shares = new RoleShares(maxShutShare);
  for (const standing of standings) shares.move(undefined, { role: "decode", standing });
  return shares;
}

function list(failing: number, serving: number, silent = 0): readonly Standing[] {
  return [
    ...new Array<Standing>(failing).fill("failing"),
    ...new Array<Standing>(serving).fill("serving"),
    ...new Array<Standing>(silent).fill("silent"),
  ];
}

Deno.test("RoleShares.isPressed() when more than the share of those that answer fails", () => {
  for (
    const [share, failing, serving, silent, pressed] of [
      [0.5, 0, 4, 0, false],
      [0.5, 2, 2, 0, false],
      [0.5, 3, 1, 0, true],
      [0.5, 2, 2, 9, false],
      [0.5, 2, 1, 9, true],
      [0.5, 2, 0, 2, true],
      [0, 1, 9, 0, true],
      [0, 0, 1, 0, false],
      [0, 1, 0, 0, true],
      [1, 9, 0, 0, false],
      // One alone.
      [0.5, 1, 0, 0, false],
      [0.5, 1, 0, 3, false],
    ] as const
  ) {
    const shares = sharesOf(share, list(failing, serving, silent));
    assertEquals(shares.isPressed("decode"), pressed, `${[share, failing, serving, silent]}`);
    assertEquals(shares.isPressed("prefill"), false);
  }
});

Deno.test("RoleShares.move() counts an engine once, as what it is", () => {
  const shares = sharesOf(0.5, list(1, 1));
  shares.move({ role: "decode", standing: "failing" }, { role: "decode", standing: "silent" });
  assertEquals(shares.of("decode"), { answering: 1, failing: 0 });
  shares.move({ role: "decode", standing: "silent" }, { role: "prefill", standing: "failing" });
  shares.move({ role: "decode", standing: "serving" }, undefined);
  assertEquals([shares.of("decode"), shares.of("prefill")], [
    { answering: 0, failing: 0 },
    { answering: 1, failing: 1 },
  ]);
});
