/** One watch of an API server: what it sends, line by line. @module */
import { encodeUtf8 } from "../../../lib/base/mod.ts";
import type { Selector } from "./selector.ts";
import { type Change, KINDS, type KubeObject, type Resource } from "./store.ts";
import type { Status } from "./statuses.ts";

/** An event as it goes over the wire. */
export interface WireEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: unknown;
}

/** A watch that is open. */
export class Watching {
  readonly resource: Resource;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #selector: Selector;
  readonly #bookmarks: boolean;
  /** What was told, it was told up to there. */
  #from: number;
  readonly #onEnd: () => void;
  #out: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;

  constructor({ resource, from, selector, bookmarks, onEnd }: {
    readonly resource: Resource;
    readonly from: number;
    readonly selector: Selector;
    readonly bookmarks: boolean;
    readonly onEnd: () => void;
  }) {
    this.resource = resource;
    this.#from = from;
    this.#selector = selector;
    this.#bookmarks = bookmarks;
    this.#onEnd = onEnd;
    this.body = new ReadableStream({
      start: (out) => void (this.#out = out),
      cancel: () => this.#over(),
    });
  }

  /** Send what a change is to whoever sees the selected objects alone. */
  tell({ version, resource, before, after }: Change): void {
    if (resource !== this.resource) return;
    const was = before !== undefined && this.#selector(before.metadata.labels ?? {});
    const is = after !== undefined && this.#selector(after.metadata.labels ?? {});
    if (was || is) this.#from = version;
    if (is) this.send({ type: was ? "MODIFIED" : "ADDED", object: this.#typed(after) });
    else if (was) {
      const metadata = { ...before.metadata, resourceVersion: String(version) };
      this.send({ type: "DELETED", object: this.#typed({ ...before, metadata }) });
    }
  }

  /** Tell that nothing has happened up to `version`. */
  bookmark(version: number): void {
    if (!this.#bookmarks) return;
    const { kind, apiVersion } = KINDS[this.resource];
    const metadata = { resourceVersion: String(version) };
    const rest = this.resource === "pods" ? { spec: { containers: null }, status: {} } : {};
    this.send({ type: "BOOKMARK", object: { kind, apiVersion, metadata, ...rest } });
  }

  /** Send an error, and end. */
  fail(status: Status): void {
    this.send({ type: "ERROR", object: status });
    this.end();
  }

  send(event: WireEvent): void {
    this.raw(`${JSON.stringify(event)}\n`);
  }

  /** Send text, whatever it is. */
  raw(text: string): void {
    this.#out?.enqueue(encodeUtf8(text));
  }

  /** Its time is up: what has happened of others' by then, up to `version`, is told before the end. */
  expire(version: number): void {
    if (version > this.#from) this.bookmark(version);
    this.end();
  }

  /** End as a watch does whose time is up. */
  end(): void {
    this.#out?.close();
    this.#over();
  }

  /** Break off. */
  cut(): void {
    this.#out?.error(new Error("cut"));
    this.#over();
  }

  #over(): void {
    if (this.#out === undefined) return;
    this.#out = undefined;
    this.#onEnd();
  }

  #typed(object: KubeObject): KubeObject {
    const { kind, apiVersion } = KINDS[this.resource];
    return { kind, apiVersion, ...object };
  }
}
