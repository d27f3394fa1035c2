/** What all connections of a server have in common. @module */
import type { Clock, TurnMeter } from "../../base/mod.ts";
import type { FrontEvent, FrontHandler, FrontLimits, FrontOptions } from "../contract/mod.ts";
import type { Copies } from "./copies.ts";
import type { DateField } from "./date_field.ts";
import type { Scratches } from "./scratches.ts";
import type { Wheel } from "./wheel.ts";

/** The server, as its connections see it. */
export interface ConnectionHost {
  readonly limits: FrontLimits;
  readonly handler: FrontHandler;
  readonly onFault: FrontOptions["onFault"];
  readonly onRefusal: FrontOptions["onRefusal"];
  readonly addressOf: FrontOptions["addressOf"];
  readonly clock: Clock;
  readonly wheel: Wheel;
  readonly date: DateField;
  readonly scratches: Scratches;
  readonly copies: Copies;
  /** Counts requests of all connections. */
  readonly turns: TurnMeter;
  /** No request is taken any more. */
  readonly draining: boolean;
  tell(event: FrontEvent): void;
  /** A number that grows with every call. */
  turn(): number;
}
