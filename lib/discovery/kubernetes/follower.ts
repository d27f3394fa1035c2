/** Follows a collection of objects: a list, and what changes from there on. @module */
import { type Clock, describeError, type Random, RouterError, sleep } from "../../base/mod.ts";
import type { UpstreamResponse } from "../../upstream/mod.ts";
import type { ApiClient } from "./api_client.ts";
import { ApiRefusal } from "./api_refusal.ts";
import { Backoff } from "./backoff.ts";
import { type Collection, listAll } from "./list.ts";
import { watchEventOf } from "./watch_event.ts";
import { WatchLines } from "./watch_lines.ts";

/** Who is told what is there. None of it may throw. */
export interface ObjectSink<T> {
  put(name: string, object: T): void;
  gone(name: string): void;
  /** All that was there at the beginning has been put. */
  synced(): void;
}

/** What is counted: lists that were read, and what went wrong. */
export type ClusterEvent = "list" | "error";

/** What a follower works with. */
export interface FollowerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly client: ApiClient;
  /** After how long a watch is begun anew, in seconds; undefined for the usual. */
  readonly watchSeconds: number | undefined;
  readonly onEvent: (event: ClusterEvent) => void;
}

/** The usual length of a watch, in seconds, and as much again at random. */
const WATCH_SECONDS = 300;

/**
 * Longest silence of a watch, in milliseconds. It says nothing of the API server: bookmarks come of changes
 * alone, so that a watch in which nothing changes is silent too. Begun anew, it shows who is there.
 */
const SILENCE_MS = 90_000;

/** How late an API server may end a watch, in milliseconds. */
const LATE_MS = 5_000;

const HEAD_MS = 30_000;

/** Longest event, in bytes: etcd holds no object beyond 1.5 MB. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;

/** A watch that ends sooner without a word is not begun anew at once, in milliseconds. */
const BRIEF_MS = 1_000;

/** For one collection. */
export class Follower<T> {
  readonly #collection: Collection<T>;
  readonly #ports: FollowerPorts;
  readonly #backoff: Backoff;
  readonly #known = new Set<string>();
  /** The version from which on changes are to be told; undefined where all is to be listed. */
  #version: string | undefined;
  #isSynced = false;
  #ailment: string | undefined;

  constructor(collection: Collection<T>, ports: FollowerPorts) {
    this.#collection = collection;
    this.#ports = ports;
    this.#backoff = new Backoff(ports.random);
  }

  /** Why it cannot look; undefined where it can. */
  get ailment(): string | undefined {
    return this.#ailment;
  }

  /** Tell `sink` of all that is there, and of every change, until `stop` aborts; never rejects for failures. */
  async run(sink: ObjectSink<T>, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      let leastMs = 0;
      try {
        this.#version ??= await this.#list(sink, stop);
        if (await this.#watch(sink, stop)) continue;
      } catch (error) {
        if (stop.aborted) return;
        leastMs = this.#failed(error);
      }
      await sleep(this.#ports.clock, this.#backoff.next(leastMs), stop);
    }
  }

  /** What is not listed any more is gone; what stays is told again, and nothing flaps. */
  async #list(sink: ObjectSink<T>, stop: AbortSignal): Promise<string> {
    const { version, objects } = await listAll(this.#ports.client, this.#collection, stop);
    this.#ports.onEvent("list");
    for (const name of this.#known) if (!objects.has(name)) this.#lose(sink, name);
    for (const [name, object] of objects) this.#put(sink, name, object);
    this.#ailment = undefined;
    if (!this.#isSynced) sink.synced();
    this.#isSynced = true;
    return version;
  }

  /**
   * Follow until the watch ends; false where the next is not to be begun at once. A connection that is
   * cut is no ailment: whether the API server is there is seen by the next question.
   */
  async #watch(sink: ObjectSink<T>, stop: AbortSignal): Promise<boolean> {
    const { clock, client } = this.#ports;
    const began = clock.now();
    const seconds = this.#seconds();
    using response = await client.get({
      path: this.#path(seconds),
      headMs: HEAD_MS,
      idleMs: Math.min(SILENCE_MS, 1_000 * seconds + LATE_MS),
      signal: stop,
    });
    this.#ailment = undefined;
    const lines = new WatchLines(MAX_EVENT_BYTES);
    let told = false;
    for (;;) {
      const bytes = await readMore(response);
      if (stop.aborted || bytes === "silent") return true;
      if (bytes === "cut") {
        this.#ports.onEvent("error");
        return false;
      }
      if (bytes !== undefined) {
        told = this.#take(sink, lines.push(bytes)) || told;
        continue;
      }
      const isUsual = told || clock.now() - began >= BRIEF_MS;
      if (isUsual) this.#backoff.reset();
      return isUsual;
    }
  }

  /** Whether there was any line. */
  #take(sink: ObjectSink<T>, lines: Iterable<Uint8Array>): boolean {
    let told = false;
    try {
      for (const line of lines) {
        this.#apply(sink, line);
        told = true;
        this.#backoff.reset();
      }
    } catch (error) {
      // What an event says that cannot be read is in the next list.
      if (!(error instanceof ApiRefusal)) this.#version = undefined;
      throw error;
    }
    return told;
  }

  /** How long the next watch is to be. */
  #seconds(): number {
    const { watchSeconds, random } = this.#ports;
    return watchSeconds ?? WATCH_SECONDS + Math.floor(random.next() * WATCH_SECONDS);
  }

  #path(seconds: number): string {
    const { path, selector } = this.#collection;
    const query = new URLSearchParams({
      labelSelector: selector,
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: this.#version ?? "",
      timeoutSeconds: String(seconds),
    });
    return `${path}?${query}`;
  }

  #apply(sink: ObjectSink<T>, line: Uint8Array): void {
    const event = watchEventOf(line);
    switch (event.kind) {
      case "put": {
        const { meta, object } = event;
        const kept = this.#collection.keep(meta, object);
        if (kept === undefined) this.#lose(sink, meta.name);
        else this.#put(sink, meta.name, kept);
        this.#version = meta.version;
        return;
      }
      case "gone":
        this.#lose(sink, event.meta.name);
        this.#version = event.meta.version;
        return;
      case "bookmark":
        this.#version = event.version;
        return;
      case "error":
        throw event.refusal;
      default:
        return event satisfies never;
    }
  }

  #put(sink: ObjectSink<T>, name: string, object: T): void {
    this.#known.add(name);
    sink.put(name, object);
  }

  #lose(sink: ObjectSink<T>, name: string): void {
    if (this.#known.delete(name)) sink.gone(name);
  }

  /** Note what went wrong; for how long the API server wants not to be asked, in milliseconds. */
  #failed(error: unknown): number {
    this.#ports.onEvent("error");
    if (!(error instanceof ApiRefusal)) {
      this.#ailment = describeError(error);
      return 0;
    }
    if (error.isExpired) this.#version = undefined;
    else this.#ailment = error.message + this.#advice(error.status);
    return error.retryAfterMs;
  }

  #advice(status: number): string {
    const { what, namespace } = this.#collection;
    if (status === 401) return "; its token is not accepted: see --k8s-token-file";
    if (status !== 403) return "";
    return `; its Role needs the verbs list and watch for ${what} in the namespace ${namespace}`;
  }
}

/** The next bytes of a watch; `silent` where none came for long, `cut` where its connection was lost. */
async function readMore(
  response: UpstreamResponse,
): Promise<Uint8Array | "silent" | "cut" | undefined> {
  try {
    return await response.read();
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    return error.code === "upstream-timeout" ? "silent" : "cut";
  }
}
