/** Flags of what clients may have engines do beside answering. @module */
import type { FlagGroup } from "./flag.ts";

/** Engines that are told what to do, and paths of theirs that the router knows nothing of. */
export const CONTROL_FLAGS = {
  title: "Engine control",
  flags: [
    {
      name: "allow-engine-control",
      type: "flag",
      help:
        "Let clients load and unload LoRA adapters at all engines of a model: whoever reaches the " +
        "router may, unless it has API keys. Besides, engines are asked whether they sleep, so that " +
        "those are found which others have put to sleep",
    },
    {
      name: "pass-through-paths",
      type: "list",
      help: "Further paths of engines that are passed on, with GET and POST, e.g. " +
        "/v1/other,/inference/v1/*: by the model that the body or ?model= names, the only one, or " +
        "the engine of ?id=. A prefix never means vLLM's paths of administration",
    },
  ],
} as const satisfies FlagGroup;
