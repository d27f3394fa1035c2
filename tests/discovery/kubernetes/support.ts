/** Followers of an API server that is reached without sockets. @module */
import { seededRandom } from "../../../lib/base/mod.ts";
import {
  type Collection,
  Follower,
  HttpApiClient,
  type ObjectSink,
} from "../../../lib/discovery/kubernetes/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ApiUpstream, KubernetesApi } from "../../support/kubernetes_api/mod.ts";

/** Files that a test writes. */
export class FakeFiles {
  readonly texts = new Map<string, string>();
  #written = 1;

  write(path: string, text: string): void {
    this.texts.set(path, text);
    this.#written++;
  }

  readonly port = {
    stat: (path: string) => ({
      isFile: true,
      size: this.read(path).length,
      mtime: new Date(this.#written),
      ino: this.#written,
    }),
    read: (path: string): string => this.read(path),
  };

  read(path: string): string {
    const text = this.texts.get(path);
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  }
}

/** A cluster, and a follower of the names of its pods. */
export interface Followed extends AsyncDisposable {
  readonly api: KubernetesApi;
  readonly upstream: ApiUpstream;
  readonly clock: FakeClock;
  readonly files: FakeFiles;
  readonly follower: Follower<string>;
  readonly events: string[];
  /** What was told, in order. */
  readonly told: string[];
  /** What is there as it was told: versions by name. */
  readonly found: ReadonlyMap<string, string>;
}

/** What may differ. */
export interface FollowedShape {
  readonly tokenFile?: string;
  readonly watchSeconds?: number;
  readonly setUp?: (api: KubernetesApi, upstream: ApiUpstream, files: FakeFiles) => void;
  readonly seed?: number;
  readonly keep?: Collection<string>["keep"];
}

/** Begin to follow. */
export function follow(shape: FollowedShape = {}): Followed {
  const { tokenFile, watchSeconds, setUp, seed = 1, keep = (meta) => meta.version } = shape;
  const clock = new FakeClock();
  const api = new KubernetesApi(clock);
  const upstream = new ApiUpstream(api);
  const files = new FakeFiles();
  setUp?.(api, upstream, files);
  const access = { url: "http://api", ...(tokenFile === undefined ? {} : { tokenFile }) };
  const client = new HttpApiClient(access, { clock, files: files.port, connect: () => upstream });
  const events: string[] = [];
  const follower = new Follower({
    what: "pods",
    namespace: "default",
    path: "/api/v1/namespaces/default/pods",
    selector: "app=vllm",
    keep,
  }, {
    clock,
    random: seededRandom(seed),
    client,
    watchSeconds,
    onEvent: (event) => void events.push(event),
  });
  const told: string[] = [];
  const found = new Map<string, string>();
  const sink: ObjectSink<string> = {
    put(name, object) {
      told.push(`put ${name}`);
      found.set(name, object);
    },
    gone(name) {
      told.push(`gone ${name}`);
      found.delete(name);
    },
    synced: () => void told.push("synced"),
  };
  const stop = new AbortController();
  const running = follower.run(sink, stop.signal);
  return {
    api,
    upstream,
    clock,
    files,
    follower,
    events,
    told,
    found,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      client[Symbol.dispose]();
      api[Symbol.dispose]();
    },
  };
}
