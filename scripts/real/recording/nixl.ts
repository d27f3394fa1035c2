/** Both legs of a handoff between two engines with NixlConnector. @module */
import { NIXL_PREFILL_PARAMS } from "../../../lib/disagg/mod.ts";
import type { Exchange, ExchangeGroup, Json } from "./exchange.ts";
import { chat, completion } from "./requests.ts";

type Fields = Readonly<Record<string, Json>>;

const LEND: Fields = {
  kv_transfer_params: JSON.parse(NIXL_PREFILL_PARAMS),
  max_tokens: 1,
};

/** A prompt of more than two blocks of 128 tokens, unlike any other. */
function prompt(step: number, count = 300): Json {
  return { $ids: [count, step] };
}

function prefill(name: string, fields: Fields): Exchange {
  return completion(`prefill leg, ${name}`, { ...LEND, ...fields }, "prefill");
}

function decode(name: string, from: Exchange, fields: Fields): Exchange {
  return {
    ...completion(`decode leg, ${name}`, fields, "decode"),
    takes: { from: from.name },
  };
}

const whole = prefill("ids", { prompt: prompt(3) });
const short = prefill("one block begun", { prompt: prompt(5, 20) });
const streamed = prefill("for a stream", { prompt: prompt(7) });
const text = prefill("text", { prompt: { $text: ["Hello world ", 40] } });
const stopped = prefill("ended by its first token", {
  prompt: prompt(11),
  logit_bias: { "100": 100 },
  stop_token_ids: [100],
});
const detailed = prefill("with ids and logprobs", {
  prompt: prompt(13, 140),
  return_token_ids: true,
  logprobs: 1,
});
const talk = chat("prefill leg", {
  ...LEND,
  messages: [{ role: "user", content: { $text: ["Hello world ", 40] } }],
}, "prefill");

export const NIXL: ExchangeGroup = {
  name: "nixl",
  about: "Two engines with NixlConnector, kv_both, --enable-prompt-tokens-details",
  exchanges: [
    {
      name: "GET /metrics of a prefill engine",
      target: "prefill",
      method: "GET",
      path: "/metrics",
    },
    whole,
    decode("ids", whole, { prompt: prompt(3) }),
    short,
    decode("one block begun", short, { prompt: prompt(5, 20) }),
    streamed,
    decode("streamed", streamed, {
      prompt: prompt(7),
      stream: true,
      stream_options: { include_usage: true },
    }),
    text,
    decode("text", text, { prompt: { $text: ["Hello world ", 40] } }),
    stopped,
    detailed,
    decode("with ids and logprobs", detailed, {
      prompt: prompt(13, 140),
      return_token_ids: true,
      logprobs: 1,
    }),
    talk,
    {
      ...chat("decode leg", {
        messages: [{ role: "user", content: { $text: ["Hello world ", 40] } }],
      }, "decode"),
      takes: { from: talk.name },
    },
    prefill("that is a stream", { prompt: prompt(17), stream: true }),
    prefill("of two tokens", { prompt: prompt(19), max_tokens: 2 }),
    prefill("of two prompts", { prompt: [prompt(23), prompt(29)] }),
    completion("plain on a prefill engine", {}, "prefill"),
    completion("plain on a decode engine", {}, "decode"),
    completion("params null on a decode engine", { kv_transfer_params: null }, "decode"),
    { name: "GET /metrics of a decode engine", target: "decode", method: "GET", path: "/metrics" },
  ],
};
