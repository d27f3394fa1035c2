/** Connecting where descriptors may be wanting: what is idle makes room. @module */
import { type Clock, type DescriptorSource, isWantOfDescriptors, sleep } from "../base/mod.ts";
import type { Socket } from "./dial.ts";
import type { Pool } from "./pool.ts";
import { crowded, LostConnection } from "./problems.ts";

/** What is given up is free a little later, in milliseconds. */
export const ROOM_MS = 10;

/** Most attempts: others may take what was given up for this one. */
const ATTEMPTS = 8;

/** What makes room for a connection. */
export interface Room {
  readonly clock: Clock;
  readonly pool: Pick<Pool, "giveUpIdle">;
  /** Asked when no connection to an engine is idle. */
  readonly descriptors: DescriptorSource | undefined;
  /** Throws where nobody waits for the connection any more. */
  readonly check: () => void;
}

/**
 * The socket that `connect` makes, which is called again, as long as there is something to give up,
 * where it finds no descriptor. Rejects as `connect`, or with `RouterError` `overloaded`.
 */
export async function connectWithRoom(connect: () => Promise<Socket>, room: Room): Promise<Socket> {
  for (let attempt = 1;; attempt++) {
    try {
      return await connect();
    } catch (error) {
      if (!wants(error, room.descriptors)) throw error;
      if (attempt === ATTEMPTS || !await makeRoom(room)) throw crowded(rootOf(error));
    }
    await sleep(room.clock, ROOM_MS);
    room.check();
  }
}

/** A name cannot be looked up without descriptors either, and the platform does not say why. */
function wants(error: unknown, descriptors: DescriptorSource | undefined): boolean {
  if (isWantOfDescriptors(error)) return true;
  return rootOf(error).message.includes("lookup") && descriptors?.scarce() === true;
}

async function makeRoom({ pool, descriptors }: Room): Promise<boolean> {
  if (pool.giveUpIdle(new LostConnection("its descriptor was needed"))) return true;
  return await descriptors?.makeRoom() ?? false;
}

/** What the platform said, without the engine's address around it. */
function rootOf(error: unknown): Error {
  const whole = error instanceof Error ? error : new Error(String(error));
  return whole.cause instanceof Error ? whole.cause : whole;
}
