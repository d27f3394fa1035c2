/** Feeding head readers through a byte window. @module */
import { ByteWindow } from "../../../../lib/http1/mod.ts";
import { Refusal } from "../../../../lib/front/http1/refusal.ts";
import {
  MAX_HEAD_BYTES,
  type RequestHead,
  RequestHeadReader,
} from "../../../../lib/front/http1/request_head.ts";
import { encodeUtf8 } from "../../../../lib/base/mod.ts";
import { put } from "../../../http1/support/windows.ts";

/** What a reader made of its pieces. */
export interface ReadHeads {
  readonly heads: readonly RequestHead[];
  /** Status and reason of a refusal. */
  readonly refused: string | undefined;
  /** Bytes behind the last head. */
  readonly left: number;
}

/** Feed `pieces`, reading up to `wanted` heads. */
export function readHeads(pieces: readonly Uint8Array[], wanted = Infinity): ReadHeads {
  const window = new ByteWindow(MAX_HEAD_BYTES);
  const reader = new RequestHeadReader();
  const heads: RequestHead[] = [];
  let refused: string | undefined;
  try {
    for (const piece of pieces) {
      put(window, piece);
      while (heads.length < wanted) {
        const head = reader.read(window);
        if (head === undefined) break;
        heads.push(head);
      }
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refused = `${error.status} ${error.message}`;
  }
  return { heads, refused, left: window.end - window.start };
}

/** The bytes of `text`, one for each character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** How a head that is all there is refused; undefined when it is taken. */
export function refusalOf(text: string): string | undefined {
  const { heads, refused } = readHeads([latin1(text)], 1);
  if (refused === undefined && heads.length === 0) throw new Error(`incomplete: ${text}`);
  return refused;
}

/** A request head out of its lines. */
export function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The same as bytes. */
export function headBytes(...lines: readonly string[]): Uint8Array {
  return encodeUtf8(head(...lines));
}
