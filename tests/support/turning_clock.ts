/** A clock for routers on real sockets: time moves when told to, turns of the event loop by themselves. @module */
import { FakeClock } from "./fake_clock.ts";

/** What is to run after no time is for the next turn, and no matter of the time. */
export class TurningClock extends FakeClock {
  override after(delayMs: number, run: () => void): ReturnType<FakeClock["after"]> {
    if (delayMs > 0) return super.after(delayMs, run);
    const timer = setTimeout(run, 0);
    const cancel = (): void => clearTimeout(timer);
    return { cancel, [Symbol.dispose]: cancel };
  }
}

/** What `asked` comes to, time going on meanwhile: for answers that some wait stands before. */
export async function advancing<T>(clock: TurningClock, asked: Promise<T>): Promise<T> {
  let settled = false;
  const settle = (): void => void (settled = true);
  asked.then(settle, settle);
  while (!settled) {
    await clock.advance(100);
    // Sockets have their turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return await asked;
}
