/** Questions that the router asks an API server, and wrong ones, while pods come, change and go. @module */
import {
  type Answered,
  type Asker,
  type KubernetesExchange,
  plain,
  plainText,
  type Watched,
  type WatchEvent,
} from "./exchange.ts";

/** Namespace of everything. */
export const NAMESPACE = "recorded";

/** A pod as it is put. */
export interface PutPod {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly ready: boolean;
}

/** An API server, and whoever writes to it. */
export interface World {
  /** Write a pod, in place of the one of its name. */
  put(pod: PutPod): Promise<void>;
  /** Change labels alone. */
  label(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Take a pod away at once, or have it end within a time. */
  remove(name: string, graceSeconds: number): Promise<void>;
  /** Forget all versions but those of this moment. */
  forget(): Promise<void>;
  ask(path: string, as: Asker): Promise<Answered>;
  /** Read a watch until it ends; once it has begun, `meanwhile` happens. */
  watch(path: string, as: Asker, meanwhile: () => Promise<void>): Promise<Watched>;
}

const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const SELECTED = "labelSelector=app%3Dvllm";
const GONE_BY = 10_000_000;

/** Ask it all; gives what came, made the same on every machine. */
export async function play(world: World): Promise<readonly KubernetesExchange[]> {
  const scene = new Scenario(world);
  await scene.lists();
  await scene.refusals();
  await scene.watches();
  await scene.forgotten();
  return scene.exchanges;
}

class Scenario {
  readonly exchanges: KubernetesExchange[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async lists(): Promise<void> {
    await this.#ask("a list of nothing", `${PODS}?${SELECTED}`);
    for (const [at, label] of ["vllm", "vllm", "vllm", "other"].entries()) {
      await this.#world.put({
        name: `pod-${at}`,
        labels: { app: label, model: "m" },
        address: `127.0.0.${at + 2}`,
        ready: at !== 1,
      });
    }
    await this.#ask("a list", `${PODS}?${SELECTED}`);
    await this.#ask("a list without a selector", PODS);
    await this.#ask("a selector of several", `${PODS}?labelSelector=app%20in%20(vllm,other),model`);
    const first = await this.#ask("the first page", `${PODS}?${SELECTED}&limit=2`);
    await this.#page("the last page", continueOf(first));
    const nowhere = PODS.replace(NAMESPACE, "nowhere");
    await this.#ask("a namespace that is not there", nowhere, "administrator");
  }

  async refusals(): Promise<void> {
    await this.#ask("without a token", PODS, "nobody");
    await this.#ask("with a token that nobody has given", PODS, "stranger");
    await this.#ask("without the right", PODS, "other");
    await this.#ask("what the role does not let", `/api/v1/namespaces/${NAMESPACE}/secrets`);
    await this.#ask("all namespaces", `/api/v1/pods?${SELECTED}`);
    await this.#ask("a namespace without the role", PODS.replace(NAMESPACE, "nowhere"));
    const nothing = `/api/v1/namespaces/${NAMESPACE}/nothing`;
    await this.#ask("a kind that is not there", nothing, "administrator");
    await this.#ask("a pod that is not there", `${PODS}/nothing`, "administrator");
    await this.#ask("a selector that is none", `${PODS}?labelSelector=a%3Db%3Dc`);
    await this.#ask("a limit that is none", `${PODS}?${SELECTED}&limit=x`);
    await this.#ask("a page that is none", `${PODS}?${SELECTED}&limit=2&continue=x`);
    await this.#watch("a watch without the right", watchFrom("1"), { as: "other" });
    await this.#watch("a watch with a token that nobody has given", watchFrom("1"), {
      as: "stranger",
    });
    await this.#watch("a watch from a version that is none", watchFrom("x"));
  }

  async watches(): Promise<void> {
    const from = versionOf(await this.#list());
    await this.#world.label("pod-0", { app: "vllm", model: "m", "pd-router/role": "decode" });
    await this.#world.label("pod-1", { app: "aside", model: "m" });
    await this.#world.label("pod-3", { app: "vllm", model: "m" });
    await this.#world.put({
      name: "pod-4",
      labels: { app: "vllm" },
      address: "127.0.0.6",
      ready: true,
    });
    await this.#world.remove("pod-4", 30);
    await this.#world.remove("pod-4", 0);
    await this.#watch("a watch from a list on", watchFrom(from));
    // Bookmarks are of changes that come while a watch goes on and are none of its own.
    const other = { name: "pod-5", labels: { app: "other" }, address: "127.0.0.7", ready: true };
    await this.#watch(
      "a watch that ends, with a bookmark",
      `${watchFrom(versionOf(await this.#list()), 8)}&allowWatchBookmarks=true`,
      { meanwhile: () => this.#world.put(other) },
    );
  }

  async forgotten(): Promise<void> {
    const old = versionOf(await this.#list());
    const page = continueOf(await this.#world.ask(`${PODS}?${SELECTED}&limit=1`, "router"));
    await this.#world.label("pod-0", { app: "vllm", model: "n" });
    await this.#world.forget();
    await this.#watch("a watch from a version that is forgotten", watchFrom(old));
    await this.#page("a page of a version that is forgotten", page);
    const future = Number(old) + GONE_BY;
    await this.#watch("a watch from a version that is not there yet", watchFrom(String(future)));
  }

  async #list(): Promise<Answered> {
    return await this.#world.ask(`${PODS}?${SELECTED}`, "router");
  }

  async #ask(name: string, path: string, as: Asker = "router"): Promise<Answered> {
    const answer = await this.#world.ask(path, as);
    this.exchanges.push({
      name,
      as,
      path: plainPath(path),
      status: answer.status,
      type: answer.type,
      body: plain(answer.body),
    });
    return answer;
  }

  async #page(name: string, token: string): Promise<void> {
    await this.#ask(name, `${PODS}?${SELECTED}&limit=2&continue=${encodeURIComponent(token)}`);
  }

  async #watch(name: string, path: string, { as = "router", meanwhile = () => Promise.resolve() }: {
    readonly as?: Asker;
    readonly meanwhile?: () => Promise<void>;
  } = {}): Promise<void> {
    const { status, type, body, events } = await this.#world.watch(path, as, meanwhile);
    inOrder(name, events);
    this.exchanges.push({
      name,
      as,
      path: plainPath(path),
      status,
      type,
      ...(body === undefined ? { events: events.map(plain) } : { body: plain(body) }),
    });
  }
}

/** A watch of a few seconds. */
function watchFrom(version: string, seconds = 2): string {
  return `${PODS}?watch=1&${SELECTED}&resourceVersion=${version}&timeoutSeconds=${seconds}`;
}

/** Versions never go back: whoever begins anew from the last has missed nothing. */
function inOrder(name: string, events: readonly WatchEvent[]): void {
  const versions = events.filter(({ type }) => type !== "ERROR")
    .map(({ object }) => Number(object.metadata?.resourceVersion));
  for (const [at, version] of versions.entries()) {
    if (!(version > (versions[at - 1] ?? 0))) throw new Error(`${name}: versions are ${versions}`);
  }
}

function versionOf({ body }: Answered): string {
  return metadataOf(body).resourceVersion ?? "";
}

function continueOf({ body }: Answered): string {
  return metadataOf(body).continue ?? "";
}

function metadataOf(
  body: unknown,
): { readonly resourceVersion?: string; readonly continue?: string } {
  return (body as { readonly metadata?: object }).metadata ?? {};
}

function plainPath(path: string): string {
  return plainText(path).replace(/(resourceVersion=)\d{2,}/, "$1(version)")
    .replace(/(continue=)[^&]{8,}/, "$1(continue)");
}
