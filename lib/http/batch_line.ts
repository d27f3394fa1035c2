/** Requests of batches, answered as those of clients are. @module */
import { type ByteShare, concatBytes, encodeUtf8, RouterError } from "../base/mod.ts";
import type { AskLine, DiskReader, LineRequest } from "../batch/mod.ts";
import type { Pass } from "../doors/mod.ts";
import type { FrontBody, FrontHeaders, FrontRequest } from "../front/mod.ts";
import { type Answer, isWhole } from "../request/mod.ts";
import type { HttpDeps } from "./context.ts";
import { createHandler } from "./handler.ts";

/** Largest answer of a request, in bytes. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** Where they come from, for those who count or tell it. */
const OWN_ADDRESS = { hostname: "127.0.0.1", port: 0 } as const;

/** Asks as `deps` answer clients: by the same policies, handoffs and limits, and counted alike. */
export function lineAsker(deps: HttpDeps): AskLine {
  return async (line) => {
    const { doors } = deps;
    const enter = (): Pass | RouterError => doors.enterAs(line.owner);
    const handle = createHandler(deps, { enter, behind: true });
    using body = new LineBody(line);
    const answer = await handle(requestOf(deps, line, body));
    const held = deps.bodies.share();
    try {
      const whole = await wholeOf(answer, held);
      return {
        status: whole === undefined ? 503 : answer.status,
        body: whole ?? encodeUtf8("{}"),
        retryAfterMs: retryAfterOf(answer),
        release: () => held.release(),
      };
    } catch (error) {
      held.release();
      throw error;
    }
  };
}

function requestOf(
  { config: { rootPath, apiKey }, doors }: HttpDeps,
  { endpoint, requestId, bytes, signal }: LineRequest,
  body: FrontBody,
): FrontRequest {
  // Where clients' keys go on to engines there is none of this request's: it was kept nowhere.
  const key = apiKey === undefined || doors.keepsKeys ? [] : [
    ["authorization", `Bearer ${apiKey}`] as const,
  ];
  return {
    method: "POST",
    target: `${rootPath}${endpoint}`,
    headers: new LineHeaders([
      ["content-type", "application/json"],
      ["content-length", String(bytes)],
      ["x-request-id", requestId],
      ...key,
    ]),
    body,
    remote: OWN_ADDRESS,
    signal,
  };
}

/** The body, read from its file when it is wanted. */
class LineBody implements FrontBody, Disposable {
  readonly length: number;
  readonly #open: LineRequest["body"];
  #reader: DiskReader | undefined;
  #over = false;

  constructor({ bytes, body }: LineRequest) {
    this.length = bytes;
    this.#open = body;
  }

  async read(): Promise<Uint8Array | undefined> {
    try {
      const reader = this.#reader ??= await this.#open();
      if (this.#over) reader.cancel();
      return await reader.read();
    } catch (cause) {
      throw new RouterError("internal", "Cannot read the input of a batch", { cause });
    }
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#reader?.cancel();
  }
}

class LineHeaders implements FrontHeaders {
  readonly #fields: ReadonlyMap<string, string>;

  constructor(fields: readonly (readonly [name: string, value: string])[]) {
    this.#fields = new Map(fields);
  }

  get(name: string): string | undefined {
    return this.#fields.get(name);
  }

  [Symbol.iterator](): Iterator<readonly [string, string]> {
    return this.#fields[Symbol.iterator]();
  }
}

/** The body of an answer, held by `held`; undefined where there is no room for it. */
async function wholeOf({ body }: Answer, held: ByteShare): Promise<Uint8Array | undefined> {
  // Whose bytes they are is not known: what is changed is a copy.
  if (isWhole(body)) return held.grow(body.length) ? body.slice() : undefined;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (let part = await body.read(); part !== undefined; part = await body.read()) {
    bytes += part.length;
    if (bytes <= MAX_ANSWER_BYTES && held.grow(part.length)) parts.push(part);
    else {
      body.cancel();
      if (bytes <= MAX_ANSWER_BYTES) return undefined;
      throw new RouterError("upstream-protocol", `The answer has over ${MAX_ANSWER_BYTES} bytes`);
    }
  }
  if (body.failure !== undefined) throw body.failure;
  const whole = concatBytes(parts);
  return parts.length === 1 ? whole.slice() : whole;
}

/** When an answer asks to be asked again, in milliseconds. */
function retryAfterOf({ headers }: Answer): number | undefined {
  const [, value = ""] = headers.find(([name]) => name.toLowerCase() === "retry-after") ?? [];
  return /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;
}
