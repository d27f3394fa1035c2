/** SIGHUP: the configuration is read again, once there is a router that could go by it. @module */
import { describeError, type Logger } from "../base/mod.ts";

/** What reads its configuration again. */
export interface Reloading {
  reload(): Promise<unknown>;
}

/** Hang-ups of one process. */
export class Hangups {
  readonly #log: Pick<Logger, "error" | "warning">;
  #app: Reloading | undefined;
  #early = false;

  constructor(log: Pick<Logger, "error" | "warning">) {
    this.#log = log;
  }

  /** One has come. */
  note(): void {
    this.#log.warning("SIGHUP: the configuration is read again");
    if (this.#app === undefined) this.#early = true;
    else this.#reload(this.#app);
  }

  /** `app` serves. */
  serves(app: Reloading): void {
    this.#app = app;
    if (this.#early) this.#reload(app);
  }

  #reload(app: Reloading): void {
    app.reload().catch((error: unknown) => {
      this.#log.error("Cannot read the configuration again", { error: describeError(error) });
    });
  }
}
