/** Requests of clients that another worker answers: from one worker over the supervisor to another. @module */
import { describeError, RouterError } from "../base/mod.ts";
import type { FrontBody, FrontHandler, FrontHeaders, FrontRequest } from "../front/mod.ts";
import { type Answer, isWhole } from "../request/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import type { Call } from "./call.ts";
import { decodeJson, encodeJson } from "./codec.ts";

/** Name of the call by which a request is handed over, and of the one by which it is handed on. */
export const RELAY_CALL = "relay";

/** A request without its body. */
interface AskedHead extends Pick<FrontRequest, "method" | "target" | "remote"> {
  readonly headers: readonly HeaderField[];
  readonly length: number | undefined;
}

type AnsweredHead = Pick<Answer, "status" | "headers">;

/** The head of the call by which `request` is handed over. */
export function relayHead({ method, target, remote, headers, body }: FrontRequest): Uint8Array {
  const { hostname, port } = remote;
  const head: AskedHead = {
    method,
    target,
    remote: { hostname, port },
    headers: [...headers],
    length: body.length,
  };
  return encodeJson(head);
}

/** Have `request` answered over `call`. Rejects with `RouterError` where nobody answers. */
export async function relayed(request: FrontRequest, call: Call): Promise<Answer> {
  const leave = (): void => call.cancel("The client has gone");
  request.signal.addEventListener("abort", leave, { once: true });
  if (request.signal.aborted) leave();
  // What is wrong with the body is told by the answer, if there is one: it is read no further then.
  const sending = sendAll(request.body, call);
  try {
    const { status, headers } = decodeJson<AnsweredHead>(await call.head);
    return {
      status,
      headers,
      body: { read: () => call.read(), cancel: () => call.cancel("The client has gone") },
    };
  } catch (error) {
    const failure = await sending;
    throw failure ?? error;
  }
}

/** Answer what came over `call` by `handler`, as if it had come from a client. */
export async function answerRelayed(
  head: Uint8Array,
  call: Call,
  handler: FrontHandler,
): Promise<void> {
  const { method, target, remote, headers, length } = decodeJson<AskedHead>(head);
  const body: FrontBody = { length, read: () => call.read() };
  const fields = headersOf(headers);
  try {
    const answer = await handler({
      ...{ method, target, remote, body },
      headers: fields,
      signal: call.signal,
    });
    const answered: AnsweredHead = { status: answer.status, headers: answer.headers };
    call.answer(encodeJson(answered));
    if (isWhole(answer.body)) await call.send(answer.body);
    else {
      const { body: source } = answer;
      call.signal.addEventListener("abort", () => source.cancel(), { once: true });
      for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
        await call.send(piece);
      }
    }
    call.end();
  } catch (error) {
    // Whoever has asked has gone, or the answer breaks off, as it does there then.
    if (!call.signal.aborted) call.cancel("The answer broke off");
    if (!(error instanceof RouterError)) throw error;
  }
}

/** Pass everything of `from` on to `to` and back, each as fast as it is taken. Of the supervisor. */
export async function passOn(from: Call, to: Call): Promise<void> {
  endWith(from, to);
  endWith(to, from);
  const there = pump(from, to);
  const back = (async () => {
    from.answer(await to.head);
    await pump(to, from);
  })();
  // Whichever fails has failed as one of the two calls is over: so is the other.
  await Promise.allSettled([there, back]);
}

/** Have `other` over when `call` is, for the same reason. */
function endWith(call: Call, other: Call): void {
  const end = (): void => other.cancel(describeError(call.signal.reason));
  call.signal.addEventListener("abort", end, { once: true });
  if (call.signal.aborted) end();
}

async function pump(from: Call, to: Call): Promise<void> {
  for (let piece = await from.read(); piece !== undefined; piece = await from.read()) {
    await to.send(piece);
  }
  to.end();
}

/** Send all of a body; resolves to why that failed, if not for the other end. */
async function sendAll(body: FrontBody, call: Call): Promise<unknown> {
  try {
    for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
      await call.send(piece);
    }
    call.end();
    return undefined;
  } catch (error) {
    if (call.signal.aborted) return undefined;
    call.cancel("The request broke off");
    return error;
  }
}

function headersOf(fields: readonly HeaderField[]): FrontHeaders {
  return {
    get: (name) => {
      const values = fields.filter(([known]) => known === name).map(([, value]) => value);
      return values.length === 0 ? undefined : values.join(", ");
    },
    [Symbol.iterator]: () => fields[Symbol.iterator](),
  };
}
