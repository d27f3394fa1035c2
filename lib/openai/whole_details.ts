/** What a whole answer tells of its tokens, written as they come. @module */
import { type ByteParts, encodeUtf8, GrowingBytes } from "../base/mod.ts";
import type { AnswerForm } from "./answer_form.ts";
import type { TokenDetails } from "./choice_json.ts";
import {
  chatElements,
  COMPLETION_LISTS,
  completionLists,
  offsetLogprobs,
  spelledLength,
  type TokenLogprobs,
} from "./logprobs.ts";

/** Most bytes of one list: more than any answer that is read has. */
const MAX_LIST_BYTES = 256 * 1024 * 1024;

const COMMA = encodeUtf8(",");

/** A JSON list that grows. */
class GrowingList {
  readonly #bytes = new GrowingBytes(MAX_LIST_BYTES);
  /** Something has been added, be it nothing. */
  begun = false;

  /** Add JSON of elements, or nothing. */
  add(elements: string): void {
    this.begun = true;
    if (elements === "") return;
    if (this.#bytes.length > 0) this.#bytes.append(COMMA);
    this.#bytes.append(encodeUtf8(elements));
  }

  /** `before`, the list, `after`. */
  parts(before: string, after = ""): ByteParts {
    return [encodeUtf8(`${before}[`), this.#bytes.view(), encodeUtf8(`]${after}`)];
  }
}

/** Gathers log-probabilities and ids of all tokens of one answer. */
export class WholeDetails {
  readonly #form: AnswerForm;
  readonly #topLogprobs: number;
  readonly #tokenIds = new GrowingList();
  /** Of the completions form, by name. */
  readonly #lists = COMPLETION_LISTS.map((key) => [key, new GrowingList()] as const);
  /** Of the chat form. */
  readonly #content = new GrowingList();
  #logprobs = false;
  /** Characters of all tokens so far, as they are spelled. */
  #spelled = 0;

  constructor(form: AnswerForm, topLogprobs = 0) {
    this.#form = form;
    this.#topLogprobs = topLogprobs;
  }

  /** Add what a chunk tells. */
  add({ logprobs, tokenIds }: TokenDetails): void {
    if (tokenIds !== undefined) this.#tokenIds.add(tokenIds.join());
    if (logprobs === undefined) return;
    this.#logprobs = true;
    if (this.#form === "chat") this.#content.add(chatElements(logprobs, this.#topLogprobs));
    else this.#addLists(logprobs);
  }

  /** Members of the choice that are told. */
  get keys(): readonly string[] {
    return [
      ...(this.#logprobs ? ["logprobs"] : []),
      ...(this.#tokenIds.begun ? ["token_ids"] : []),
    ];
  }

  /** JSON of these members; each begins with a comma. */
  parts(): ByteParts {
    return [
      ...(this.#logprobs ? this.#logprobsParts() : []),
      ...(this.#tokenIds.begun ? this.#tokenIds.parts(',"token_ids":') : []),
    ];
  }

  #addLists(logprobs: TokenLogprobs): void {
    const lists = completionLists(offsetLogprobs(logprobs, this.#spelled));
    this.#spelled += spelledLength(logprobs);
    for (const [key, list] of this.#lists) list.add(lists[key]);
  }

  #logprobsParts(): ByteParts {
    if (this.#form === "chat") return this.#content.parts(',"logprobs":{"content":', "}");
    const lists = this.#lists.flatMap(([key, list], at) =>
      list.parts(`${at === 0 ? "" : ","}"${key}":`)
    );
    return [encodeUtf8(',"logprobs":{'), ...lists, encodeUtf8("}")];
  }
}
