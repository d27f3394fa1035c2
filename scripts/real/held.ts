/** Requests that a gate holds, and clients that leave meanwhile. @module */
import { type Body, post } from "./ask.ts";
import { MODEL } from "./engine.ts";
import { idPrompt } from "./form_checks.ts";
import type { Gate } from "./gate.ts";
import type { RealRouter } from "./router.ts";

export const PATH = "/v1/completions";

/** A request whose prompt no other seed's begins like. */
export function request(seed: number, more: Body = {}): Body {
  const prompt = idPrompt(500 + seed, seed);
  return { model: MODEL, prompt, max_tokens: 16, temperature: 0, ...more };
}

/** `held` resolves with the body of the first request held; `release` lets all go on. */
export function holdOne(
  gates: readonly Gate[],
): { readonly held: Promise<string>; readonly release: () => void } {
  const held = Promise.withResolvers<string>();
  const open = Promise.withResolvers<void>();
  for (const gate of gates) {
    gate.hold((path, body) => {
      if (path !== PATH) return undefined;
      held.resolve(body);
      return open.promise;
    });
  }
  const release = (): void => {
    for (const gate of gates) gate.hold(() => undefined);
    open.resolve();
  };
  return { held: held.promise, release };
}

/** POST, and leave once `moment` has come. */
export async function leaveAt(
  router: RealRouter,
  body: Body,
  moment: Promise<unknown>,
): Promise<void> {
  const leaving = new AbortController();
  const answer = post(router.url + PATH, body, leaving.signal)
    .then((response) => response.body?.cancel())
    .catch(() => undefined); // It was given up, before its head or in its body.
  await moment;
  leaving.abort();
  await answer;
}
