/** One client: asks, reads, rests, leaves. @module */
import { type Clock, concatBytes, describeError, sleep } from "../../lib/base/mod.ts";
import type { Ended } from "./ended.ts";
import type { ChaosRequest } from "./requests.ts";

/** Where and how to ask. */
export interface Asking {
  readonly url: string;
  readonly clock: Clock;
  readonly client: Deno.HttpClient;
  /** Longest wait for the end of an answer, in milliseconds. */
  readonly patienceMs: number;
}

/** Ask, and take what comes. Never rejects: also what fails is told. */
export async function ask(asking: Asking, request: ChaosRequest): Promise<Ended> {
  const { clock } = asking;
  const visit = new Visit(asking, request);
  using _patience = clock.after(asking.patienceMs, () => visit.stop("overdue"));
  using _leave = request.leaves?.kind === "time"
    ? clock.after(request.leaves.ms, () => visit.stop("left"))
    : undefined;
  return await visit.run();
}

class Visit {
  readonly #asking: Asking;
  readonly #request: ChaosRequest;
  readonly #beganMs: number;
  readonly #controller = new AbortController();
  readonly #history: string[] = [];
  readonly #pieces: Uint8Array[] = [];
  #head: Pick<Ended, "status" | "contentType"> | undefined;
  #stopped: "left" | "overdue" | undefined;

  constructor(asking: Asking, request: ChaosRequest) {
    this.#asking = asking;
    this.#request = request;
    this.#beganMs = asking.clock.now();
  }

  /** End it from the client's side. */
  stop(why: "left" | "overdue"): void {
    this.#stopped ??= why;
    this.#note(why);
    this.#controller.abort();
  }

  async run(): Promise<Ended> {
    try {
      const response = await this.#send();
      const { status, headers } = response;
      this.#head = { status, contentType: headers.get("content-type") ?? "" };
      this.#note(`status ${status}`);
      await this.#read(response);
      return this.#end(this.#stopped ?? "answered");
    } catch (error) {
      if (this.#stopped !== undefined) return this.#end(this.#stopped);
      this.#note(describeError(error));
      const kind = this.#head === undefined ? "unanswered" : "broken";
      return { ...this.#end(kind), error: describeError(error) };
    }
  }

  #send(): Promise<Response> {
    const { url, client } = this.#asking;
    const { path, body, id } = this.#request;
    return fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": id },
      body: JSON.stringify(body),
      signal: this.#controller.signal,
      client,
    });
  }

  async #read(response: Response): Promise<void> {
    const { restMs, leaves } = this.#request;
    let bytes = 0;
    for await (const piece of response.body ?? []) {
      if (bytes === 0) this.#note("first bytes");
      bytes += piece.length;
      this.#pieces.push(piece);
      if (leaves?.kind === "bytes" && bytes >= leaves.bytes) this.stop("left");
      if (restMs > 0) await sleep(this.#asking.clock, restMs, this.#controller.signal);
    }
  }

  #end(kind: Ended["kind"]): Ended {
    const bytes = concatBytes(this.#pieces);
    this.#note(`${kind}, ${bytes.length} bytes`);
    return {
      kind,
      ...(this.#head ?? { status: 0, contentType: "" }),
      text: new TextDecoder().decode(bytes),
      beganMs: this.#beganMs,
      endedMs: this.#asking.clock.now(),
      history: this.#history,
    };
  }

  #note(what: string): void {
    const afterMs = Math.round(this.#asking.clock.now() - this.#beganMs);
    this.#history.push(`${afterMs} ms: ${what}`);
  }
}
