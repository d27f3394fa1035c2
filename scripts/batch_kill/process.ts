/** The router as a process of its own, with the permissions that it has from its task. @module */
import { MODEL } from "../../tests/support/cluster.ts";

/** A router that was begun. */
export interface RouterProcess {
  /** Its address, once it serves; rejects where it ends before. */
  readonly serving: Promise<string>;
  /** End it without a word. */
  kill(): Promise<void>;
  /** End it as a signal does; its exit code. */
  stop(): Promise<number>;
}

const ROOT = new URL("../../", import.meta.url);

/** Requests of batches at once. */
const CONCURRENCY = 8;

/** Begin one that keeps files in `folder`, in front of the engine at `engine`. */
export function startProcess(folder: string, engine: string): RouterProcess {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      "--allow-net",
      `--allow-read=/dev/null,${folder}`,
      `--allow-write=${folder}`,
      "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*",
      new URL("main.ts", ROOT).pathname,
      "--host=127.0.0.1",
      "--port=0",
      "--routing-logic=roundrobin",
      "--service-discovery=static",
      `--static-backends=${engine}`,
      `--static-models=${MODEL}`,
      "--enable-batch-api",
      `--file-storage-path=${folder}`,
      `--batch-concurrency=${CONCURRENCY}`,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const serving = Promise.withResolvers<string>();
  // Who is killed before it serves is not asked for its address.
  serving.promise.catch(() => {});
  const lines: string[] = [];
  const reading = Promise.all([
    readLines(child.stdout, (line) => {
      lines.push(line);
      const [, url] = /Serving on (http:\S+)/.exec(line) ?? [];
      if (url !== undefined) serving.resolve(url);
    }),
    readLines(child.stderr, (line) => lines.push(line)),
  ]).then(() => {
    serving.reject(new Error(`The router ended before it served: ${lines.slice(-5).join(" | ")}`));
  });
  const end = async (signal: Deno.Signal): Promise<number> => {
    child.kill(signal);
    const [{ code }] = await Promise.all([child.status, reading]);
    return code;
  };
  return {
    serving: serving.promise,
    kill: async () => void await end("SIGKILL"),
    stop: () => end("SIGTERM"),
  };
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}
