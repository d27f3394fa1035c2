/** A list of prompts whose answers the test gives. @module */
import { createLogger, type LogFields } from "../../lib/base/mod.ts";
import { PromptList } from "../../lib/fan_out/prompt_list.ts";
import {
  type Answer,
  Background,
  type RequestContext,
  RequestTrace,
} from "../../lib/request/mod.ts";
import { type CountedSignal, countedSignal } from "../support/counted_signal.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";

/** A list, and what has been asked of it. */
export interface ListParts {
  readonly list: PromptList;
  readonly context: RequestContext;
  /** The client: its signal is the context's. */
  readonly client: CountedSignal;
  readonly background: Background;
  readonly clock: FakeClock;
  /** The prompts that were begun, and the answers they wait for. */
  readonly asked: {
    readonly index: number;
    readonly context: RequestContext;
    readonly answer: PromiseWithResolvers<Answer>;
  }[];
  /** Lines of the log, from `debug` on. */
  readonly lines: LogFields[];
}

/** A list of `size` prompts. */
export function listParts(
  size: number,
  { stream = true, gone = false }: { readonly stream?: boolean; readonly gone?: boolean } = {},
): ListParts {
  const clock = new FakeClock();
  const lines: LogFields[] = [];
  const log = createLogger(clock, (line) => lines.push(JSON.parse(line)), {
    level: "debug",
    format: "json",
  });
  const background = new Background(log);
  const client = countedSignal();
  if (gone) client.controller.abort();
  const context: RequestContext = {
    id: "r",
    sessionId: "s",
    signal: client.signal,
    headers: [["authorization", "a"], ["X-Request-Id", "r"]],
    trace: new RequestTrace(clock),
  };
  const asked: ListParts["asked"] = [];
  const list = new PromptList(
    { clock, log, background },
    context,
    { size, stream },
    (single, index) => {
      const answer = Promise.withResolvers<Answer>();
      asked.push({ index, context: single, answer });
      return answer.promise;
    },
  );
  return { list, context, client, background, clock, asked, lines };
}

/** An answer with `body`. */
export function answerWith(body: Answer["body"], status = 200): Answer {
  return { status, headers: [], body };
}

/** A whole stream that says `text`. */
export function streamOf(text: string): readonly string[] {
  return [event(text), event("!", { finish_reason: "stop" }), usageEvent(5, 2), data("[DONE]")];
}
