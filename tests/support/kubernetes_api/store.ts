/** What an API server keeps: objects, their versions, and what has changed since a version. @module */

/** An object, with whatever members. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

/** Kinds that are kept, by resource. */
export const KINDS = {
  pods: { kind: "Pod", apiVersion: "v1" },
  services: { kind: "Service", apiVersion: "v1" },
  endpointslices: { kind: "EndpointSlice", apiVersion: "discovery.k8s.io/v1" },
} as const;

/** One of them. */
export type Resource = keyof typeof KINDS;

/** One change; `before` is absent for an object that is new, `after` for one that has gone. */
export interface Change {
  readonly version: number;
  readonly resource: Resource;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

/** The objects of one namespace. */
export class KubeStore {
  readonly namespace: string;
  readonly #objects = new Map<Resource, Map<string, KubeObject>>();
  readonly #watchers = new Set<(change: Change) => void>();
  #changes: Change[] = [];
  #version = 1000;
  #oldest = 1000;
  #created = 0;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** The latest version. */
  get version(): number {
    return this.#version;
  }

  /** Changes behind this version are known. */
  get oldest(): number {
    return this.#oldest;
  }

  /** All objects by name, in the order of names. */
  all(resource: Resource): readonly KubeObject[] {
    const objects = [...this.#of(resource).values()];
    return objects.sort((a, b) => a.metadata.name < b.metadata.name ? -1 : 1);
  }

  get(resource: Resource, name: string): KubeObject | undefined {
    return this.#of(resource).get(name);
  }

  /** Write an object that is not there, with an uid of its own; Throws where it is there. */
  create(resource: Resource, object: KubeObject): KubeObject {
    const { name } = object.metadata;
    if (this.get(resource, name) !== undefined) throw new Error(`${resource} ${name} is there`);
    const number = String(++this.#created).padStart(12, "0");
    return this.#write(resource, {
      ...object,
      metadata: {
        ...object.metadata,
        namespace: this.namespace,
        uid: `00000000-0000-4000-8000-${number}`,
        creationTimestamp: "2026-01-01T00:00:00Z",
      },
    });
  }

  /** Write what `change` makes of an object. Throws where there is none. */
  update(resource: Resource, name: string, change: (object: KubeObject) => KubeObject): KubeObject {
    const before = this.get(resource, name);
    if (before === undefined) throw new Error(`${resource} ${name} is not there`);
    return this.#write(resource, change(before));
  }

  /** Remove an object. Throws where there is none. */
  remove(resource: Resource, name: string): void {
    const before = this.get(resource, name);
    if (before === undefined) throw new Error(`${resource} ${name} is not there`);
    this.#of(resource).delete(name);
    this.#note({ version: ++this.#version, resource, before, after: undefined });
  }

  /** What has changed behind `version`, in order; undefined where that is not known any more. */
  since(resource: Resource, version: number): readonly Change[] | undefined {
    if (version < this.#oldest) return undefined;
    return this.#changes.filter((change) =>
      change.resource === resource && change.version > version
    );
  }

  /** Forget what has changed so far. */
  compact(): void {
    // Versions are those of all that is kept, and others write too.
    this.#oldest = ++this.#version;
    this.#changes = [];
  }

  /** Have `on` told of every change from here on. */
  watch(on: (change: Change) => void): Disposable {
    this.#watchers.add(on);
    return { [Symbol.dispose]: () => void this.#watchers.delete(on) };
  }

  #of(resource: Resource): Map<string, KubeObject> {
    const known = this.#objects.get(resource);
    if (known !== undefined) return known;
    const objects = new Map<string, KubeObject>();
    this.#objects.set(resource, objects);
    return objects;
  }

  #write(resource: Resource, object: KubeObject): KubeObject {
    const { name } = object.metadata;
    const before = this.get(resource, name);
    const version = ++this.#version;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    const after = { ...object, metadata };
    this.#of(resource).set(name, after);
    this.#note({ version, resource, before, after });
    return after;
  }

  #note(change: Change): void {
    this.#changes.push(change);
    for (const on of [...this.#watchers]) on(change);
  }
}
