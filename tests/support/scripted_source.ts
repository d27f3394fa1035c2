/** A source of engines that tells what a test says, when it says it. @module */
import type { Engine } from "../../lib/base/mod.ts";
import type { EngineSource, SourceChange } from "../../lib/fleet/mod.ts";

/** Tells whoever follows it what there is, and from there on all that is said. */
export class ScriptedSource implements EngineSource {
  /** What is there; it holds nothing of what was. */
  readonly #there = new Map<string, { readonly engine: Engine; readonly leaving: boolean }>();
  readonly #followers = new Set<Follower>();
  #synced = false;
  #end: { readonly error?: unknown } | undefined;

  /** A source that begins with `engines`, which is all there is at first. */
  static of(engines: readonly Engine[] = []): ScriptedSource {
    const source = new ScriptedSource();
    for (const engine of engines) source.upsert(engine);
    source.synced();
    return source;
  }

  /** How many follow it. */
  get following(): number {
    return this.#followers.size;
  }

  /** What is there. */
  get engines(): readonly Engine[] {
    return [...this.#there.values()].map(({ engine }) => engine);
  }

  upsert(engine: Engine): void {
    this.#there.set(engine.id, { engine, leaving: false });
    this.#say({ kind: "upsert", engine });
  }

  leaving(id: string): void {
    const known = this.#there.get(id);
    if (known !== undefined) this.#there.set(id, { ...known, leaving: true });
    this.#say({ kind: "leaving", id });
  }

  remove(id: string): void {
    this.#there.delete(id);
    this.#say({ kind: "remove", id });
  }

  synced(): void {
    this.#synced = true;
    this.#say({ kind: "synced" });
  }

  /** There will be nothing more; with `error`, it fails. */
  end(error?: unknown): void {
    this.#end = error === undefined ? {} : { error };
    for (const follower of this.#followers) follower.wake();
  }

  async *changes(stop: AbortSignal): AsyncGenerator<SourceChange> {
    const follower = new Follower(this.#beginning());
    const wake = (): void => follower.wake();
    this.#followers.add(follower);
    stop.addEventListener("abort", wake, { once: true });
    try {
      while (!stop.aborted) {
        const change = follower.next();
        if (change !== undefined) yield change;
        else if (this.#end === undefined) await follower.more();
        else if ("error" in this.#end) throw this.#end.error;
        else return;
      }
    } finally {
      this.#followers.delete(follower);
      stop.removeEventListener("abort", wake);
    }
  }

  #beginning(): SourceChange[] {
    const changes: SourceChange[] = [];
    for (const { engine, leaving } of this.#there.values()) {
      changes.push({ kind: "upsert", engine });
      if (leaving) changes.push({ kind: "leaving", id: engine.id });
    }
    if (this.#synced) changes.push({ kind: "synced" });
    return changes;
  }

  #say(change: SourceChange): void {
    for (const follower of this.#followers) follower.tell(change);
  }
}

/** What one that follows has yet to be told. */
class Follower {
  readonly #changes: SourceChange[];
  #more = Promise.withResolvers<void>();

  constructor(changes: SourceChange[]) {
    this.#changes = changes;
  }

  next(): SourceChange | undefined {
    return this.#changes.shift();
  }

  tell(change: SourceChange): void {
    this.#changes.push(change);
    this.wake();
  }

  wake(): void {
    this.#more.resolve();
  }

  /** Resolves when there may be more. */
  async more(): Promise<void> {
    await this.#more.promise;
    this.#more = Promise.withResolvers<void>();
  }
}
