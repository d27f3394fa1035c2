/** Clients that stream through a router without a pause, and what became of their streams. @module */
import { describeError } from "../../../lib/base/mod.ts";
import { MODEL } from "../../../tests/support/cluster.ts";
import { must } from "../check.ts";
import { pause, until } from "../process.ts";
import { textOfEvents } from "../streams.ts";

/** Tokens of the shortest and of the longest answer. */
const TOKENS = { least: 8, most: 24 } as const;

/** What all prompts begin with: a few blocks of KV. */
const BEGINNING = "A few words that every prompt begins with. ".repeat(8);

/** Before a client asks again whose stream has failed, in milliseconds. */
const REST_MS = 100;

/** How long all clients have for streams of their own. */
const BEGIN_MS = 20_000;

/** A stream that did not end as it should. */
export interface Broken {
  /** It was refused before anything came, or ended within. */
  readonly kind: "refused" | "broken";
  readonly why: string;
}

/** The clients, until it is disposed. */
export class Load implements AsyncDisposable {
  readonly #url: string;
  readonly #clients: Promise<void>[] = [];
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 256 });
  readonly #broken: Broken[] = [];
  readonly #waiting = new Set<number>();
  #ended = 0;
  #stopped = false;

  /** Have `clients` stream from the router at `url`, each one answer after another. */
  constructor(url: string, clients: number) {
    this.#url = url;
    for (let number = 0; number < clients; number++) this.#clients.push(this.#stream(number));
  }

  /** Streams that have ended well. */
  get ended(): number {
    return this.#ended;
  }

  /** Resolves when every client reads a stream. */
  async begun(): Promise<void> {
    const begun = await until(() => this.#waiting.size === 0, BEGIN_MS);
    must(begun, `${this.#waiting.size} clients have no stream: ${JSON.stringify(this.#broken[0])}`);
  }

  /** What has failed since this was last asked. */
  broken(): readonly Broken[] {
    return this.#broken.splice(0);
  }

  /** Throws unless all streams since this was last asked were well, but for `allowed` broken ones. */
  whole(allowed = 0): string {
    const all = this.broken();
    const refused = all.filter(({ kind }) => kind === "refused");
    must(
      refused.length === 0,
      `${refused.length} requests failed, the first by ${refused[0]?.why}`,
    );
    must(all.length <= allowed, `${all.length} streams broke, the first by ${all[0]?.why}`);
    return `${this.#ended} streams whole`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#client.close();
  }

  async #stream(number: number): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      this.#waiting.add(number);
      const failed = await this.#one(number, round);
      if (failed === undefined) this.#ended++;
      else {
        this.#broken.push(failed);
        await pause(REST_MS);
      }
    }
  }

  async #one(number: number, round: number): Promise<Broken | undefined> {
    const span = TOKENS.most - TOKENS.least + 1;
    let begun = false;
    try {
      const response = await fetch(`${this.#url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          model: MODEL,
          prompt: `${BEGINNING}Client ${number} asks for the ${round}. time`,
          max_tokens: TOKENS.least + (number * 7 + round * 5) % span,
          stream: true,
        }),
        client: this.#client,
      });
      if (response.status !== 200 || response.body === null) {
        return { kind: "refused", why: `${response.status} ${await response.text()}` };
      }
      let text = "";
      for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
        begun = true;
        this.#waiting.delete(number);
        text += piece;
      }
      textOfEvents(text);
      return undefined;
    } catch (error) {
      return { kind: begun ? "broken" : "refused", why: describeError(error) };
    }
  }
}
