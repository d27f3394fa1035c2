/** Engines in memory of which one fails, in a given way and at a given moment of a request. @module */
import type { Failure, Phase } from "../../scripts/readme/failures.ts";
import { FakePull } from "../support/fake_pull.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import {
  chunkOf,
  headOf,
  jsonSteps,
  LAST_CHUNK,
  WireEngines,
  type WireRequest,
  type WireStep,
} from "../support/wire_engines.ts";

/** How KV moves: `p1` and `d1` are LMCache's modes. */
export type Way = "p1" | "d1" | "nixl";

/** What fails. */
export interface Fault {
  readonly phase: Phase;
  readonly failure: Failure;
  readonly way: Way;
  /** All engines that are asked for it fail, and not the first one alone. */
  readonly everywhere?: boolean;
}

/** What an engine is asked for. */
export type AskedLeg = "models" | "tokenize" | "prefill" | "decode" | "reclaim" | "direct";

type Place = "connect" | "head" | "body" | "notification";

/** Which request a phase is about, and how far that has come. */
const PLACES: Readonly<Record<Phase, readonly [leg: AskedLeg, place: Place]>> = {
  "connect": ["prefill", "connect"],
  "tokenize": ["tokenize", "head"],
  "prefill before its answer": ["prefill", "head"],
  "prefill within its answer": ["prefill", "body"],
  "KV wait": ["prefill", "notification"],
  "decode connect": ["decode", "connect"],
  "decode before its first byte": ["decode", "head"],
  "mid-stream": ["decode", "body"],
  "direct connect": ["direct", "connect"],
  "direct before its first byte": ["direct", "head"],
  "direct mid-answer": ["direct", "body"],
};

/** The letter that names of engines begin with that are asked for a leg. */
const LETTERS: Readonly<Partial<Record<AskedLeg, string>>> = {
  tokenize: "p",
  prefill: "p",
  decode: "d",
  direct: "a",
};

const STATUSES: Readonly<Partial<Record<Failure, number>>> = {
  "4xx": 400,
  "429": 429,
  "503": 503,
  "other 5xx": 500,
};

/** What an engine says with a status of its own. */
export const WORDS = "so says the engine";

/** When a client without room may come again, in seconds, as the engine says. */
export const RETRY_AFTER = "7";

/** Ids of the prompt, and the first token of its answer. */
export const PROMPT = [11, 12, 13];
const FIRST = 91;

const CARD = { id: "m", object: "model", created: 1, owned_by: "other", max_model_len: 4096 };

const reset = (): Error => new Deno.errors.ConnectionReset("Connection reset by peer");
const refused = (): Error => new Deno.errors.ConnectionRefused("Connection refused");

/** The engines; all is well until `strike`. */
export class FailingEngines {
  readonly pull = new FakePull();
  readonly wire: WireEngines;
  /** Who is asked for what from the strike on, but for models, as `leg engine`. */
  readonly asked: string[] = [];
  /** The same requests. */
  readonly requests: WireRequest[] = [];
  readonly #fault: Fault;
  readonly #failing = new Set<string>();
  #striking = false;

  constructor(fault: Fault) {
    this.#fault = fault;
    this.wire = new WireEngines((request) => this.#answer(request));
    this.wire.connect = (to) => this.#connect(to);
  }

  /** From here on the fault is there. */
  strike(): void {
    this.#striking = true;
    const { failure } = this.#fault;
    if (failure === "restart" && this.#place === "connect") this.wire.hangUp();
  }

  get #leg(): AskedLeg {
    return PLACES[this.#fault.phase][0];
  }

  get #place(): Place {
    return PLACES[this.#fault.phase][1];
  }

  /** Whether the engine fails, for this leg; the first that is asked for it is the one that does. */
  #fails(to: string): boolean {
    const { everywhere = false } = this.#fault;
    const may = this.#striking && to.startsWith(LETTERS[this.#leg] ?? "");
    if (may && (everywhere || this.#failing.size === 0)) this.#failing.add(to);
    return this.#failing.has(to);
  }

  #connect(to: string): "made" | "never" | Error {
    const { failure } = this.#fault;
    const isConnect = this.#place === "connect" || failure === "refused";
    if (!(isConnect ? this.#fails(to) : this.#failing.has(to))) return "made";
    if (failure === "frozen") return "never";
    if (!isConnect) return "made";
    switch (failure) {
      case "refused":
        return refused();
      case "reset":
        return reset();
      case "timed out":
        return "never";
      default:
        return "made";
    }
  }

  #answer(request: WireRequest): readonly WireStep[] {
    const leg = this.#legOf(request);
    const { to } = request;
    if (this.#striking && leg !== "models") {
      this.asked.push(`${leg} ${to}`);
      this.requests.push(request);
    }
    const { failure } = this.#fault;
    const isFrozen = failure === "frozen" && this.#failing.has(to);
    if (leg === this.#leg && this.#place !== "connect" && this.#fails(to)) {
      return isFrozen ? [] : this.#failed(request);
    }
    return isFrozen ? [] : this.#well(leg, request);
  }

  #legOf({ to, path, text }: WireRequest): AskedLeg {
    if (["/v1/models", "/health", "/metrics"].includes(path)) return "models";
    if (path === "/tokenize") return "tokenize";
    if (!to.startsWith("d")) return to.startsWith("p") ? "prefill" : "direct";
    const { max_tokens: most, prompt, kv_transfer_params: params = {} } = JSON.parse(text);
    if (most === 1) return "reclaim";
    const isDecode = {
      p1: prompt?.at?.(-1) === FIRST,
      d1: params["lmcache.tag.pd_router"] !== "direct",
      nixl: params.remote_engine_id !== undefined,
    };
    return isDecode[this.#fault.way] ? "decode" : "direct";
  }

  #failed(request: WireRequest): readonly WireStep[] {
    const { failure } = this.#fault;
    switch (this.#place) {
      case "connect":
        return [];
      case "notification":
        if (failure === "bad body") this.pull.push(new Uint8Array([0xc1, 0xff]));
        return this.#prefilled(request);
      case "head":
        return this.#failedHead(request);
      case "body":
        return this.#failedBody(request);
    }
  }

  #failedHead(request: WireRequest): readonly WireStep[] {
    const { failure } = this.#fault;
    const status = STATUSES[failure];
    if (status !== undefined) {
      return jsonSteps(errorOf(status), status, `retry-after: ${RETRY_AFTER}\r\n`);
    }
    switch (failure) {
      case "reset":
        return [reset()];
      case "bad body":
        return [headOf(200, "text/html"), chunkOf("<html>hello</html>"), LAST_CHUNK];
      case "restart":
        // The connection was the old process's, and the new one takes others.
        return request.nth > 1 ? [null] : this.#well(this.#leg, request);
      default:
        return [];
    }
  }

  #failedBody(request: WireRequest): readonly WireStep[] {
    const { failure } = this.#fault;
    const streams = JSON.parse(request.text).stream === true;
    const [begun] = this.#parts(request);
    const status = STATUSES[failure];
    if (status !== undefined) {
      const error = errorOf(status);
      return streams
        ? [...begun, chunkOf(data(error) + data("[DONE]")), LAST_CHUNK]
        : jsonSteps(error);
    }
    switch (failure) {
      case "reset":
        return [...begun, reset()];
      case "bad body":
        return streams
          ? [...begun, chunkOf("data: {nonsense\n\n"), LAST_CHUNK]
          : [headOf(200, "application/json"), chunkOf('{"choices": nonsense'), LAST_CHUNK];
      case "restart":
        return [...begun, null];
      default:
        return begun;
    }
  }

  #well(leg: AskedLeg, request: WireRequest): readonly WireStep[] {
    switch (leg) {
      case "models":
        return jsonSteps({ object: "list", data: [CARD] });
      case "tokenize":
        return jsonSteps({ count: PROMPT.length, max_model_len: 4096, tokens: PROMPT });
      case "prefill":
        this.#notify(request);
        return this.#prefilled(request);
      case "reclaim":
        return jsonSteps(completionOf("x"));
      case "decode":
      case "direct":
        return this.#parts(request).flat();
      default:
        return leg satisfies never;
    }
  }

  #notify({ text }: WireRequest): void {
    const id = JSON.parse(text).kv_transfer_params?.disagg_spec?.req_id;
    if (id !== undefined) this.pull.notify(id);
  }

  #prefilled(request: WireRequest): readonly WireStep[] {
    return this.#parts(request).flat();
  }

  /** An answer, in two parts. */
  #parts({ to, text }: WireRequest): readonly [readonly WireStep[], readonly WireStep[]] {
    const { way } = this.#fault;
    const isPrefill = to.startsWith("p");
    const { stream, prompt } = JSON.parse(text);
    const begins = way === "p1" && prompt?.at?.(-1) === FIRST ? " two" : " one two";
    if (stream === true) {
      const rest = event(" three", { finish_reason: "stop" }) + usageEvent(4, 2) + data("[DONE]");
      return [
        [headOf(200, "text/event-stream"), chunkOf(event(begins))],
        [chunkOf(rest), LAST_CHUNK],
      ];
    }
    const params = way === "nixl"
      ? { remote_engine_id: to, remote_request_id: crypto.randomUUID() }
      : { first_tok: FIRST };
    const whole = JSON.stringify(
      isPrefill
        ? { ...completionOf(" one"), kv_transfer_params: params }
        : completionOf(`${begins} three`),
    );
    const fields = `content-type: application/json\r\ncontent-length: ${whole.length}`;
    return [[`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${whole.slice(0, 40)}`], [whole.slice(40)]];
  }
}

function errorOf(status: number): unknown {
  return { error: { message: WORDS, type: "x", param: null, code: status } };
}

function completionOf(text: string): Readonly<Record<string, unknown>> {
  return {
    id: "cmpl-e",
    object: "text_completion",
    created: 4,
    model: "m",
    choices: [{ index: 0, text, logprobs: null, finish_reason: "length", stop_reason: null }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
  };
}
