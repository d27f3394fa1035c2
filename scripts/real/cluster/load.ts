/** Clients that ask one question after the other, and compare each answer with the right one. @module */
import { comparable } from "../../../tests/support/answers.ts";
import { promptOf } from "../../../tests/support/replicas.ts";
import { post } from "../../../tests/support/router.ts";

/** How answers came out. */
export interface Tally {
  right: number;
  wrong: number;
  /** Refused with an error, by its status. */
  readonly refused: Map<number, number>;
  /** The connection broke: its replica was killed. */
  lost: number;
  /** No end within `HUNG_MS`. */
  hung: number;
  readonly tookMs: number[];
}

/** An answer that takes longer hangs, in milliseconds. */
export const HUNG_MS = 60_000;

/** Different questions. */
const QUESTIONS = 64;

/** Load that runs until it is stopped. */
export interface Load {
  readonly tally: Tally;
  /** Resolves when all answers under way have ended. */
  stop(): Promise<void>;
}

/** Texts of the right answers, by question. */
export async function rightTexts(url: string): Promise<readonly string[]> {
  return await Promise.all(Array.from({ length: QUESTIONS }, async (_, number) => {
    const { text } = await comparable(await post(`${url}/v1/completions`, promptOf(number)));
    return text;
  }));
}

/** Begin with `clients` at `url`; every second question is streamed. */
export function startLoad(url: string, right: readonly string[], clients: number): Load {
  const tally: Tally = { right: 0, wrong: 0, refused: new Map(), lost: 0, hung: 0, tookMs: [] };
  let stopped = false;
  let asked = 0;
  const one = async (): Promise<void> => {
    const number = asked++;
    const body = { ...promptOf(number % QUESTIONS), stream: number % 2 === 0 };
    const signal = AbortSignal.timeout(HUNG_MS);
    const sinceMs = performance.now();
    try {
      const answer = await comparable(await post(`${url}/v1/completions`, body, { signal }));
      const { status, text, errors, done } = answer;
      const cut = body.stream && status === 200 && done === 0;
      if (errors.length > 0 || status !== 200) {
        const code = status === 200 ? 599 : status;
        tally.refused.set(code, (tally.refused.get(code) ?? 0) + 1);
      } else if (cut) tally.lost++;
      else if (text === right[number % QUESTIONS]) tally.right++;
      else tally.wrong++;
    } catch (error) {
      if (signal.aborted) tally.hung++;
      else if (error instanceof TypeError || error instanceof SyntaxError) tally.lost++;
      else throw error;
    }
    tally.tookMs.push(performance.now() - sinceMs);
  };
  const running = Array.from({ length: clients }, async () => {
    while (!stopped) await one();
  });
  return {
    tally,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}
