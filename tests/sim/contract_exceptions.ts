/** Recorded answers the simulator does not give, each with the reason. @module */

const ALL_ENDPOINTS = "a simulated engine has every kind of endpoint at once";
const ALL_MODES = "a simulated engine has vLLM's development endpoints";
const FREE_SAMPLING = "the simulated model has no chance in it, so that no sampling is at odds";
const MARKED_THOUGHTS = "the simulated reasoning parser looks for both tags, unlike that of Qwen 3";
const TOKEN_ENDPOINT = "tokens in and out are not simulated";

/** By the exchange's name; an entry whose answer is given after all fails its test. */
export const NOT_SIMULATED: Readonly<Record<string, string>> = {
  "GET /is_sleeping": ALL_MODES,
  "embeddings of a generating model": ALL_ENDPOINTS,
  "rerank of a generating model": ALL_ENDPOINTS,
  "completions: n 2, greedy": FREE_SAMPLING,
  "completions: beam search streamed": FREE_SAMPLING,
  "chat: image for a text model": "the simulated model takes images",
  "chat: no thought at all": MARKED_THOUGHTS,
  "chat: no thought at all, streamed": MARKED_THOUGHTS,
  "generate: plain": TOKEN_ENDPOINT,
  "generate: streamed": TOKEN_ENDPOINT,
};
