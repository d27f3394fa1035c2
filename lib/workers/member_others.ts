/** The other workers, as a worker's router knows them: all is asked of the supervisor. @module */
import type { AskedEverywhere, HandChanges, JsonAnswer } from "../admin/mod.ts";
import {
  type Clock,
  decodeUtf8,
  describeError,
  encodeUtf8,
  errorCodeOf,
  RouterError,
} from "../base/mod.ts";
import type { ToldOfItself } from "../http/mod.ts";
import type { KnownCounts, NamedPart } from "../observe/mod.ts";
import { type Answer, isWhole } from "../request/mod.ts";
import { answerOf, type Done, type DoneHere, EVERYWHERE_CALL, HERE_CALL } from "./admin_round.ts";
import type { Call } from "./call.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import { LIVE_CALL, LIVE_HERE_CALL, type LiveHere, partsIn } from "./live_round.ts";
import type { Member } from "./member.ts";
import type { OtherRouters, OwnPart } from "./others.ts";
import { requestNumbers } from "./request_numbers.ts";
import { giveTold, takeTold, TOLD, type ToldAnswer } from "./told.ts";
import { OWN_CALL, TOLD_MS, WHOLE_CALL } from "./whole.ts";

/** How long the supervisor may take, which waits for each worker for less. */
const ANSWER_MS = TOLD_MS + 1_000;

/** Longest that an operation of the admin API can be told to wait, and some more. */
const ADMIN_MS = 3_700_000;

/** What one router can tell by itself where nobody tells what all do. */
const ALONE: ReadonlySet<ToldOfItself> = new Set(["health", "ready", "engines"]);

/** For one worker. */
export class MemberOthers implements OtherRouters {
  readonly changes: HandChanges | undefined;
  readonly secret: string;
  readonly nextNumber: () => number;
  readonly #member: Pick<Member, "call" | "answer" | "attached">;
  readonly #clock: Clock;
  #own: OwnPart | undefined;

  constructor(member: Member, clock: Clock) {
    this.#member = member;
    this.#clock = clock;
    const { changes, secret } = member.hello;
    this.nextNumber = requestNumbers(clock, member.hello);
    this.secret = secret;
    this.changes = changes === undefined ? undefined : JSON.parse(changes) as HandChanges;
  }

  async tell(what: ToldOfItself): Promise<Answer> {
    const call = this.#member.call(WHOLE_CALL, encodeUtf8(what));
    const told = await takeTold(call, { clock: this.#clock, limitMs: ANSWER_MS });
    if (told !== undefined) return answerOfTold(told);
    if (this.#own !== undefined && ALONE.has(what)) return await this.#own.tell(what);
    throw new RouterError("overloaded", "What all workers tell cannot be had at the moment");
  }

  readonly everywhere = async (
    asked: AskedEverywhere,
    signal: AbortSignal,
  ): Promise<JsonAnswer> => {
    const call = this.#member.call(EVERYWHERE_CALL, encodeJson(asked));
    const leave = (): void => call.cancel("The client has gone");
    signal.addEventListener("abort", leave, { once: true });
    const told = await takeTold(call, { clock: this.#clock, limitMs: ADMIN_MS });
    signal.removeEventListener("abort", leave);
    if (told === undefined) {
      throw new RouterError("shutting-down", "The other workers cannot be asked at the moment");
    }
    return answerOf(decodeJson<Done>(told.body));
  };

  readonly live = async (counts: KnownCounts): Promise<readonly NamedPart[] | undefined> => {
    const call = this.#member.call(LIVE_CALL, encodeJson(counts));
    const told = await takeTold(call, { clock: this.#clock, limitMs: ANSWER_MS });
    return told && partsIn(told);
  };

  attach(own: OwnPart): void {
    this.#own = own;
    this.#member.answer(LIVE_HERE_CALL, (head, call) => void tellLive(own, head, call));
    this.#member.answer(OWN_CALL, (head, call) => void this.#tellOwn(own, head, call));
    this.#member.answer(HERE_CALL, (head, call) => void doHere(own, head, call));
    this.#member.attached();
  }

  async #tellOwn(own: OwnPart, head: Uint8Array, call: Call): Promise<void> {
    const asked = decodeUtf8(head);
    const what = TOLD.find((name) => name === asked);
    if (what === undefined) return call.cancel(`This router tells no '${asked}'`);
    try {
      const { status, headers, body } = await own.tell(what);
      const [, contentType = ""] = headers.find(([name]) => name === "content-type") ?? [];
      if (!isWhole(body)) return body.cancel();
      await giveTold(call, { status, contentType, body });
    } catch (error) {
      call.cancel(describeError(error));
    }
  }
}

async function doHere({ admin }: OwnPart, head: Uint8Array, call: Call): Promise<void> {
  if (admin === undefined) return call.cancel("This router has no admin API");
  const done: Done = await admin.do(decodeJson(head), call.signal).then(
    (answer) => ({ kind: "done", answer }) as const,
    (error: unknown) => ({
      kind: "failed",
      code: errorCodeOf(error) ?? "internal",
      message: describeError(error),
      param: error instanceof RouterError ? error.param : undefined,
    }),
  );
  const told: DoneHere = { done, changes: admin.changes() };
  try {
    await giveTold(call, {
      status: 200,
      contentType: "application/json",
      body: encodeJson(told),
    });
  } catch (error) {
    call.cancel(describeError(error));
  }
}

async function tellLive({ admin }: OwnPart, head: Uint8Array, call: Call): Promise<void> {
  if (admin === undefined) return call.cancel("This router has no admin API");
  const { known } = decodeJson<LiveHere>(head);
  try {
    await giveTold(call, {
      status: 200,
      contentType: "application/json",
      body: encodeJson(admin.live(known ?? undefined)),
    });
  } catch (error) {
    call.cancel(describeError(error));
  }
}

function answerOfTold({ status, contentType, body }: ToldAnswer): Answer {
  return { status, headers: [["content-type", contentType]], body };
}
