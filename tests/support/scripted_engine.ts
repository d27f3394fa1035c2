/** An engine that answers what a test says, and remembers what it was asked. @module */

/** One request as it came. */
export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly text: string;
  /** Aborts when whoever asked has gone. */
  readonly signal: AbortSignal;
}

/** Answers a request; undefined for 404. */
export type Script = (request: AskedRequest) => Response | Promise<Response> | undefined;

/** A running scripted engine. */
export interface ScriptedEngine extends AsyncDisposable {
  readonly url: string;
  readonly asked: AskedRequest[];
}

/**
 * Start an engine that serves model `m` and answers the rest by `script`. It says what it serves
 * once `known` is resolved.
 */
export function startScripted(
  script: Script,
  known: Promise<void> = Promise.resolve(),
): ScriptedEngine {
  const asked: AskedRequest[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/v1/models") {
        await known;
        return Response.json({
          object: "list",
          data: [{ id: "m", object: "model", created: 1, owned_by: "vllm", max_model_len: 4096 }],
        });
      }
      // It has no endpoint to ask for its health.
      if (pathname === "/health") return new Response(null, { status: 404 });
      // What the router asks by itself, of engines that tell no more than they must.
      if (pathname === "/version" || pathname === "/metrics") {
        return Response.json({ detail: "Not Found" }, { status: 404 });
      }
      const seen: AskedRequest = {
        method: request.method,
        path: pathname + search,
        headers: request.headers,
        text: await request.text(),
        signal: request.signal,
      };
      asked.push(seen);
      return await script(seen) ?? Response.json({ detail: "Not Found" }, { status: 404 });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
