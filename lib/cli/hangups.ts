/** SIGHUP: the configuration is read again, once there is a router that could go by it. @module */
import type { App } from "../app.ts";
import { describeError, type Logger } from "../base/mod.ts";

/** Hang-ups of one process. */
export class Hangups {
  readonly #log: Pick<Logger, "error" | "warning">;
  #app: Pick<App, "reload"> | undefined;
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
  serves(app: Pick<App, "reload">): void {
    this.#app = app;
    if (this.#early) this.#reload(app);
  }

  #reload(app: Pick<App, "reload">): void {
    app.reload().catch((error: unknown) => {
      this.#log.error("Cannot read the configuration again", { error: describeError(error) });
    });
  }
}
