/**
 * A chat output's parts, found in the generated text as it comes: reasoning between `<think>` tags,
 * tool calls between `<tool_call>` tags (Hermes markup), content besides.
 * @module
 */
import { type ToolEvent, ToolScanner } from "./tool_scanner.ts";

/** How the text of one output is to be read. */
export type OutputMode =
  /** Content with markup; tool calls only when the request brought tools. */
  | { readonly kind: "auto"; readonly tools: boolean }
  /** A list of calls that a grammar forced. */
  | { readonly kind: "required" }
  /** The arguments of one function, forced. */
  | { readonly kind: "named"; readonly name: string };

/** What a piece of text added. */
export interface OutputDelta {
  readonly content: string;
  readonly reasoning: string;
  readonly tools: readonly ToolEvent[];
}

type Section = "content" | "reasoning" | "tool";

const OPENING: readonly (readonly [tag: string, section: Section])[] = [
  ["<think>", "reasoning"],
  ["<tool_call>", "tool"],
];
const CLOSING: Readonly<Record<Section, string>> = {
  content: "",
  reasoning: "</think>",
  tool: "</tool_call>",
};

/** Reads one output. */
export class ChatOutput {
  readonly #mode: OutputMode;
  readonly #openings: readonly (readonly [tag: string, section: Section])[];
  #scanner = new ToolScanner();
  #calls = 0;
  #section: Section = "content";
  #held = "";
  #named = false;

  constructor(mode: OutputMode) {
    this.#mode = mode;
    this.#openings = mode.kind === "auto" && !mode.tools ? OPENING.slice(0, 1) : OPENING;
  }

  /** Tool calls begun. */
  get calls(): number {
    return this.#calls + this.#scanner.calls + (this.#named ? 1 : 0);
  }

  /** True when no call is left open, as a complete `required` output must be. */
  get complete(): boolean {
    return !this.#scanner.open;
  }

  /** Add text. With `finished`, text held back as a possible tag is given as it is. */
  add(text: string, finished: boolean): OutputDelta {
    if (this.#mode.kind === "required") {
      return { content: "", reasoning: "", tools: this.#scanner.add(text) };
    }
    if (this.#mode.kind === "named") return this.#addNamed(this.#mode.name, text);
    if (this.#section === "content" && this.#held === "" && !text.includes("<")) {
      return { content: text, reasoning: "", tools: [] };
    }
    return this.#addMarked(text, finished);
  }

  #addNamed(name: string, text: string): OutputDelta {
    const tools: ToolEvent[] = [];
    if (!this.#named) tools.push({ kind: "begin", index: 0, name });
    this.#named = true;
    if (text !== "") tools.push({ kind: "arguments", index: 0, text });
    return { content: "", reasoning: "", tools };
  }

  #addMarked(text: string, finished: boolean): OutputDelta {
    let rest = this.#held + text;
    let content = "";
    let reasoning = "";
    const tools: ToolEvent[] = [];
    const give = (piece: string): void => {
      if (this.#section === "content") content += piece;
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
      }
      this.#section = next.section;
    }
    const held = finished ? 0 : this.#heldLength(rest);
    give(rest.slice(0, rest.length - held));
    this.#held = rest.slice(rest.length - held);
    return { content, reasoning, tools };
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
