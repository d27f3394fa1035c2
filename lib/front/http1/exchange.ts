/** One request, as its handler sees it. @module */
import { type AbortWatch, LazyAbort } from "../../base/mod.ts";
import type { FrontBody, FrontRequest } from "../contract/mod.ts";
import type { FieldList } from "./field_list.ts";
import type { RequestHead } from "./request_head.ts";

/** A request, and whether its client is still there. */
export class Exchange implements FrontRequest {
  readonly method: string;
  readonly target: string;
  readonly minor: 0 | 1;
  readonly headers: FieldList;
  readonly body: FrontBody;
  readonly remote: { readonly hostname: string; readonly port: number };
  readonly #departure = new LazyAbort();

  constructor(head: RequestHead, body: FrontBody, remote: FrontRequest["remote"]) {
    this.method = head.method;
    this.target = head.target;
    this.minor = head.minor;
    this.headers = head.headers;
    this.body = body;
    this.remote = remote;
  }

  get signal(): AbortWatch {
    return this.#departure;
  }

  /** The client has gone. */
  leave(): void {
    this.#departure.abort();
  }
}
