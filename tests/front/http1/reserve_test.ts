import { openNullDevice } from "../../../lib/base/mod.ts";
import { Reserve } from "../../../lib/front/http1/reserve.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Descriptors of which there are so many. */
class Descriptors {
  free: number;

  constructor(free: number) {
    this.free = free;
  }

  readonly take = (): { close(): void } => {
    if (this.free === 0) throw new Error("Too many open files (os error 24)");
    this.free--;
    let open = true;
    return {
      close: () => {
        if (!open) throw new Error("closed twice");
        open = false;
        this.free++;
      },
    };
  };
}

Deno.test("Reserve holds one descriptor, however often it is asked to", () => {
  const descriptors = new Descriptors(3);
  const reserve = new Reserve(descriptors.take);
  assertEquals([reserve.hold(), reserve.hold(), descriptors.free], [true, true, 2]);
  assertEquals([reserve.release(), reserve.release(), descriptors.free], [true, false, 3]);
});

Deno.test("Reserve.hold() says that there is none to have", () => {
  const descriptors = new Descriptors(0);
  const reserve = new Reserve(descriptors.take);
  assertEquals([reserve.hold(), reserve.release()], [false, false]);
  descriptors.free = 1;
  assertEquals([reserve.hold(), descriptors.free], [true, 0]);
});

Deno.test("Reserve.probe() asks for one beside that held, and keeps that one alone", () => {
  const descriptors = new Descriptors(1);
  using reserve = new Reserve(descriptors.take);
  assertEquals([reserve.probe(), descriptors.free], [false, 0]);
  descriptors.free = 1;
  assertEquals([reserve.probe(), descriptors.free], [true, 1]);
});

Deno.test("Reserve holds the null device and gives it back", () => {
  using reserve = new Reserve(openNullDevice);
  assertEquals([reserve.hold(), reserve.probe()], [true, true]);
});

Deno.test("Reserve holds nothing where the program may take nothing, and says so", () => {
  using reserve = new Reserve(() => {
    throw new Deno.errors.NotCapable("Requires read access to /dev/null");
  });
  assertEquals([reserve.hold(), reserve.release(), reserve.blind], [true, false, true]);
  assertEquals(reserve.probe(), true);
  using other = new Reserve(new Descriptors(0).take);
  assertEquals([other.hold(), other.blind], [false, false]);
});
