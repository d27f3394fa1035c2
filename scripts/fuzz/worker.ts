/** The thread that tries one target; `main.ts` looks at how it gets on. @module */
import { progressWriter } from "./progress.ts";
import type { Tally } from "./report.ts";
import { runTarget } from "./run.ts";
import type { Finding } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** What the thread is asked to do. */
export interface Job {
  readonly target: string;
  readonly seed: number;
  readonly ms: number;
  /** One case alone is tried again. */
  readonly only: number | undefined;
  readonly progress: SharedArrayBuffer;
}

/** What it tells. */
export type Told =
  | { readonly kind: "finding"; readonly finding: Finding }
  | { readonly kind: "done"; readonly tally: Tally };

/** What a thread that others have begun sees of them. */
interface Scope {
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage(told: Told): void;
  close(): void;
}

const scope = self as unknown as Scope;
const tell = (told: Told): void => scope.postMessage(told);

async function work({ target: name, seed, ms, only, progress }: Job): Promise<Tally> {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const watch = progressWriter(progress);
  const onFinding = (finding: Finding): void => tell({ kind: "finding", finding });
  if (only !== undefined) {
    if (target.replay === undefined) throw new Error(`${name} has no cases of its own`);
    watch.begun(only);
    const findings = await target.replay(only);
    watch.ended();
    findings.forEach(onFinding);
    return { name, inputs: 1, findings: findings.length, ms: 0 };
  }
  const endsAt = performance.now() + ms;
  return await runTarget(target, {
    seed,
    goesOn: () => performance.now() < endsAt,
    onFinding,
    watch,
  });
}

scope.onmessage = async ({ data }): Promise<void> => {
  tell({ kind: "done", tally: await work(data) });
  scope.close();
};
