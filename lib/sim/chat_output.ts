/**
 * A chat output's parts, found in the generated text as it comes: reasoning between `<think>` tags,
 * tool calls between `<tool_call>` tags (Hermes markup), content besides.
 * @module
 */
import { type ToolEvent, ToolScanner } from "./tool_scanner.ts";

/** Which parts the text of one output is searched for. */
export interface OutputMode {
  /** Tool calls: the engine has a parser, and the request brought tools. */
  readonly tools: boolean;
  /** Reasoning: the engine has a parser. */
  readonly reasoning: boolean;
}

/** What a piece of text added. */
export interface OutputDelta {
  readonly content: string;
  readonly reasoning: string;
  readonly tools: readonly ToolEvent[];
}

type Section = "content" | "reasoning" | "tool";

const REASONING = ["<think>", "reasoning"] as const;
const TOOL = ["<tool_call>", "tool"] as const;
const CLOSING: Readonly<Record<Section, string>> = {
  content: "",
  reasoning: "</think>",
  tool: "</tool_call>",
};

/** Reads one output. */
export class ChatOutput {
  readonly #openings: readonly (readonly [tag: string, section: Section])[];
  #scanner = new ToolScanner();
  #calls = 0;
  #section: Section = "content";
  #held = "";
  #afterCall = false;

  constructor({ tools, reasoning }: OutputMode) {
    this.#openings = [...(reasoning ? [REASONING] : []), ...(tools ? [TOOL] : [])];
  }

  /** Tool calls begun. */
  get calls(): number {
    return this.#calls + this.#scanner.calls;
  }

  /** True when a call was begun and not ended. */
  get open(): boolean {
    return this.#section === "tool";
  }

  /** Add text. With `finished`, text held back as a possible tag is given as it is. */
  add(text: string, finished: boolean): OutputDelta {
    if (
      this.#section === "content" && this.#held === "" && !text.includes("<") && !this.#afterCall
    ) {
      return { content: text, reasoning: "", tools: [] };
    }
    return this.#addMarked(text, finished);
  }

  #addMarked(text: string, finished: boolean): OutputDelta {
    let rest = this.#held + text;
    let content = "";
    let reasoning = "";
    const tools: ToolEvent[] = [];
    const give = (piece: string): void => {
      if (this.#section === "content") content += this.#afterCalls(piece);
      else if (this.#section === "reasoning") reasoning += piece;
      else for (const event of this.#scanner.add(piece)) tools.push(this.#numbered(event));
    };
    for (;;) {
      const next = this.#nextTag(rest);
      if (next === undefined) break;
      give(rest.slice(0, next.at));
      rest = rest.slice(next.at + next.tag.length);
      if (this.#section === "tool") {
        this.#calls += this.#scanner.calls;
        this.#scanner = new ToolScanner();
        this.#afterCall = true;
      }
      this.#section = next.section;
    }
    const held = finished ? 0 : this.#heldLength(rest);
    give(rest.slice(0, rest.length - held));
    this.#held = rest.slice(rest.length - held);
    return { content, reasoning, tools };
  }

  /** White space right behind a call is none of the content. */
  #afterCalls(piece: string): string {
    const text = this.#afterCall ? piece.trimStart() : piece;
    if (text !== "") this.#afterCall = false;
    return text;
  }

  #numbered(event: ToolEvent): ToolEvent {
    return { ...event, index: event.index + this.#calls };
  }

  #tags(): readonly (readonly [tag: string, section: Section])[] {
    return this.#section === "content"
      ? this.#openings
      : [[CLOSING[this.#section], "content" as const]];
  }

  #nextTag(
    text: string,
  ): { readonly at: number; readonly tag: string; readonly section: Section } | undefined {
    let best: { at: number; tag: string; section: Section } | undefined;
    for (const [tag, section] of this.#tags()) {
      const at = text.indexOf(tag);
      if (at >= 0 && (best === undefined || at < best.at)) best = { at, tag, section };
    }
    return best;
  }

  /** Length of the longest end of `text` that may be the beginning of a tag. */
  #heldLength(text: string): number {
    let longest = 0;
    for (const [tag] of this.#tags()) {
      for (let length = Math.min(tag.length - 1, text.length); length > longest; length--) {
        if (tag.startsWith(text.slice(text.length - length))) longest = length;
      }
    }
    return longest;
  }
}
