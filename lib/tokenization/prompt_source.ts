/**
 * The ways from a client's request to the ids of its prompt: by `/tokenize`, by the render
 * endpoints, or told by the answer of the prefill itself.
 * @module
 */
import {
  BoundedSet,
  type Breather,
  type ByteParts,
  type Engine,
  type Logger,
} from "../base/mod.ts";
import type { TokenizeWay } from "../config/mod.ts";
import type { Caller, PostJson } from "./post.ts";
import { renderPrompt, type RenderRequest } from "./render.ts";
import type { TokenizeEnd, Tokenizer } from "./tokenizer.ts";

/** A prompt that is to become ids; bodies are built only where they are sent. */
export interface PromptAsk {
  /** The `/tokenize` request. */
  readonly tokenize: () => ByteParts;
  /** The client's own request. */
  readonly render: RenderRequest;
  /** The context length is needed, and only `/tokenize` tells it. */
  readonly needsLength: boolean;
  /** The prefill leg has to go to `/v1/completions`, so the ids are needed before it. */
  readonly byIds: boolean;
  /** `/tokenize` would give other ids than the endpoint the client asks. */
  readonly exact: boolean;
  /** That endpoint may put the first token's text elsewhere than into its content, as reasoning. */
  readonly parsed: boolean;
}

/** What the answer of a prefill told of what `find` left to it. */
export interface PrefillTold {
  readonly ids: boolean;
  /** The text of the first token. */
  readonly text: boolean;
}

/** Where the ids are. */
export type PromptEnd =
  | TokenizeEnd
  /** The prefill's answer will tell. */
  | { readonly kind: "with-prefill" }
  /** `exact` ids are asked for, and there is no way to them. */
  | { readonly kind: "unavailable" };

/** Finds the ids of prompts. */
export interface PromptSource {
  /** Whether ids that `/tokenize` cannot give may be had. */
  readonly exact: boolean;
  /**
   * The ids of a prompt, or where to look for them.
   * Rejects with `tokenize-failed` when the engine fails or answers nonsense, `client-gone` on abort.
   */
  find(engine: Engine, ask: PromptAsk, caller: Caller): Promise<PromptEnd>;
  /** The ids by `/tokenize`, whatever the way configured. Rejects as `find`. */
  tokenize(engine: Engine, ask: PromptAsk, caller: Caller): Promise<TokenizeEnd>;
  /** Take note of what a prefill told whose ids `find` left to it. */
  note(engine: Engine, told: PrefillTold): void;
  /** An engine has gone: another one under its name and address is asked afresh. */
  forget(engine: Engine): void;
}

/** What became of one attempt to have ids, and by which means. */
export type OnPrompt = (
  how: "engine" | "prefill" | "render",
  result: "tokens" | "refused" | "unsupported" | "failed",
) => void;

/** What a source works with. */
export interface PromptSourceParts {
  readonly how: TokenizeWay;
  readonly tokenizer: Tokenizer;
  readonly post: PostJson;
  /** Where reading large answers rests; in one go when absent. */
  readonly breather?: Breather;
  readonly log: Logger;
  readonly onResult: OnPrompt;
}

/** Engines remembered that lack a way; beyond it the longest known are forgotten. */
const MAX_LACKING = 4_096;

/** The way to ids that `parts.how` names. */
export function promptSource(parts: PromptSourceParts): PromptSource {
  const { how } = parts;
  switch (how) {
    case "engine":
      return engineSource(parts);
    case "render":
      return renderSource(parts);
    case "prefill":
      return prefillSource(parts, false);
    case "auto":
      return prefillSource(parts, true);
    default:
      return how satisfies never;
  }
}

function engineSource({ tokenizer, onResult }: PromptSourceParts): PromptSource {
  const tokenize: PromptSource["tokenize"] = (engine, ask, caller) =>
    counted("engine", onResult, () => tokenizer.tokenize(engine, ask.tokenize(), caller));
  return {
    exact: false,
    tokenize,
    async find(engine, ask, caller) {
      return ask.exact ? { kind: "unavailable" } : await tokenize(engine, ask, caller);
    },
    note: () => {},
    forget: () => {},
  };
}

function renderSource(parts: PromptSourceParts): PromptSource {
  const { post, log, onResult, breather } = parts;
  const byTokenize = engineSource(parts);
  const lacking = new BoundedSet(MAX_LACKING);
  return {
    ...byTokenize,
    exact: true,
    async find(engine, ask, caller) {
      if (!ask.needsLength && !lacking.has(lackKey(engine, ask))) {
        const render = (): ReturnType<typeof renderPrompt> =>
          renderPrompt(post, engine, ask.render, caller, breather);
        const end = await counted("render", onResult, render);
        if (end.kind !== "unsupported") return end;
        if (lacking.add(lackKey(engine, ask))) {
          log.warning("An engine has no render endpoint: its prompts go to /tokenize", {
            url: engine.url,
            path: ask.render.path,
          });
        }
      }
      return await byTokenize.find(engine, ask, caller);
    },
    forget(engine) {
      lacking.deleteWhere((key) => key.startsWith(`${engine.url} `));
    },
  };
}

/** One of the two endpoints may be there without the other. */
function lackKey(engine: Engine, ask: PromptAsk): string {
  return `${engine.url} ${ask.render.path}`;
}

/**
 * With `remember`, engines that do not tell the ids are asked for them no more, nor, at an endpoint whose
 * parsers take the first token's text, those that do not tell that: to find it out takes longer. Where
 * `/tokenize` is no help, silent ones never are, as KV whose ids nobody knows cannot be reclaimed.
 */
function prefillSource(parts: PromptSourceParts, remember: boolean): PromptSource {
  const { log, onResult } = parts;
  const byTokenize = engineSource(parts);
  const silent = new BoundedSet(MAX_LACKING);
  const parsing = new BoundedSet(MAX_LACKING);
  return {
    ...byTokenize,
    exact: true,
    async find(engine, ask, caller) {
      const spared = ((remember || ask.exact) && silent.has(engine.id)) ||
        (remember && !ask.exact && ask.parsed && parsing.has(engine.id));
      const asks = !ask.needsLength && !ask.byIds && !spared;
      return asks ? { kind: "with-prefill" } : await byTokenize.find(engine, ask, caller);
    },
    note(engine, { ids, text }) {
      onResult("prefill", ids ? "tokens" : "unsupported");
      if (!text) parsing.add(engine.id);
      if (ids || !silent.add(engine.id)) return;
      log.warning("A prefill does not tell its prompt's token ids: it goes to /tokenize", {
        url: engine.url,
      });
    },
    forget({ id }) {
      for (const set of [silent, parsing]) set.deleteWhere((known) => known === id);
    },
  };
}

async function counted<End extends { readonly kind: "tokens" | "refused" | "unsupported" }>(
  how: "engine" | "render",
  onResult: OnPrompt,
  ask: () => Promise<End>,
): Promise<End> {
  try {
    const end = await ask();
    onResult(how, end.kind);
    return end;
  } catch (error) {
    onResult(how, "failed");
    throw error;
  }
}
