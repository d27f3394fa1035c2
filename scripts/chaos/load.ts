/** The clients of a run, and what became of their requests. @module */
import { type Clock, sleep } from "../../lib/base/mod.ts";
import { ask, type Asking } from "./client.ts";
import type { Diary } from "./diary.ts";
import type { Ended } from "./ended.ts";
import { LOST } from "./faults.ts";
import type { ChaosFleet } from "./fleet.ts";
import { judge, type RightAnswer, type Verdict } from "./judge.ts";
import { type ChaosRequest, chaosRequest } from "./requests.ts";
import { DEADLINE_MS } from "./router_settings.ts";
import type { Adversary } from "./schedule.ts";
import type { Violation } from "./violation.ts";

/** Statuses of failures that any engine that fails, and any crowd, may lead to. */
const ANY_FAILURE: readonly number[] = [429, 500, 502, 503, 504];

/** How much longer than its deadline a client waits. */
const PATIENCE_MS = DEADLINE_MS + 5_000;

/** How long a client rests that was refused, in milliseconds. */
const REFUSED_MS = 150;

/** What the clients work with. */
export interface LoadDeps {
  readonly seed: number;
  readonly clock: Clock;
  readonly fleet: ChaosFleet;
  readonly diary: Diary;
  readonly adversary: Pick<Adversary, "statuses">;
  readonly onViolation: (violation: Violation) => void;
}

/** Asks, and judges what comes. */
export class Load implements Disposable {
  readonly verdicts = new Map<Verdict | "violation", number>();
  readonly statuses = new Map<number, number>();
  /** The last step in the router of requests whose clients have left. */
  readonly leftAt = new Map<string, number>();
  readonly #deps: LoadDeps;
  readonly #client = Deno.createHttpClient({});
  #next = 0;

  constructor(deps: LoadDeps) {
    this.#deps = deps;
  }

  /** Requests so far. */
  get asked(): number {
    return this.#next;
  }

  /** Ask with so many clients until `isOver`; resolves when the last request has ended. */
  async run(clients: number, isOver: () => boolean): Promise<void> {
    const one = async (): Promise<void> => {
      while (!isOver()) {
        const verdict = await this.#one(chaosRequest(this.#deps.seed, this.#next++));
        if (verdict === "refused") await sleep(this.#deps.clock, REFUSED_MS);
      }
    };
    await Promise.all(Array.from({ length: clients }, one));
  }

  /** Ask once; with `wrong` a violation where the answer is not the right one. */
  async probe(wrong?: string): Promise<void> {
    const request = chaosRequest(this.#deps.seed, this.#next++);
    await this.#one({ ...request, leaves: undefined, restMs: 0 }, wrong);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #one(request: ChaosRequest, wrong?: string): Promise<Verdict | "violation"> {
    const { fleet, clock, adversary } = this.#deps;
    const asking = { url: fleet.router.url, clock, client: this.#client, patienceMs: PATIENCE_MS };
    const ended = await ask(asking, request);
    const { beganMs, endedMs } = ended;
    const told = adversary.statuses(beganMs - DEADLINE_MS, endedMs);
    const statuses = new Set([
      ...ANY_FAILURE,
      ...told.filter((status) => status !== LOST),
      // What is lost is lost at once.
      ...adversary.statuses(beganMs, endedMs).filter((status) => status === LOST),
    ]);
    const right = (): Promise<RightAnswer> => this.#right(asking, request);
    const finding = await judge(ended, right, { statuses, deadlineMs: DEADLINE_MS });
    const verdict = "verdict" in finding ? finding.verdict : "violation";
    count(this.verdicts, verdict);
    count(this.statuses, ended.status);
    if (verdict === "left") this.#noteLeft(request, ended);
    if ("violation" in finding) this.#report(request, ended, finding.violation);
    else if (wrong !== undefined && verdict !== "right") this.#report(request, ended, wrong);
    return verdict;
  }

  /** Count how far a request was whose client has left. */
  #noteLeft({ id }: ChaosRequest, { status, endedMs }: Ended): void {
    const begun = status === 200 ? ", answer begun" : "";
    this.#deps.diary.stepAt(id, endedMs, (step) => count(this.leftAt, step + begun));
  }

  /** What one engine alone says. */
  async #right(asking: Asking, request: ChaosRequest): Promise<RightAnswer> {
    const { fleet } = this.#deps;
    const plain = { ...request, leaves: undefined, restMs: 0 };
    const ended = await ask({ ...asking, url: fleet.single.url }, plain);
    if (ended.kind !== "answered") throw new Error(`The engine alone: ${ended.history.join(", ")}`);
    return ended;
  }

  #report(request: ChaosRequest, ended: Ended, what: string): void {
    const { diary, fleet, onViolation } = this.#deps;
    const { beganMs, endedMs } = ended;
    onViolation({
      what,
      request,
      ended,
      router: diary.of(request.id),
      engines: fleet.slots.flatMap((slot) => slot.history(beganMs, endedMs)),
    });
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
