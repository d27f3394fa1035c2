/** The server in a process that has few descriptors. */
import { assert, assertEquals } from "../../support/assert.ts";
import { eventually } from "../../support/eventually.ts";
import type { Told } from "./support/descriptors_server.ts";
import { request } from "./support/server.ts";
import { RawClient } from "./support/sockets.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const SCRIPT = new URL("./support/descriptors_server.ts", import.meta.url).pathname;

/** Descriptors of the process; the platform has some two dozen for itself. */
const DESCRIPTORS = 64;

/** A server process, and what it has told. */
class FewDescriptors implements AsyncDisposable {
  readonly told: Told[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  constructor() {
    const run = ["run", "--no-check", "--no-prompt", "--allow-net", "--allow-read", SCRIPT];
    this.#process = new Deno.Command("sh", {
      args: ["-c", `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`, Deno.execPath(), ...run],
      stdout: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  /** How often it has told of `kind`. */
  count(kind: Told["kind"]): number {
    return this.told.filter((told) => told.kind === kind).length;
  }

  async port(): Promise<number> {
    await eventually(() => this.count("port") === 1, () => "no port", 30_000);
    const [first] = this.told;
    return first?.kind === "port" ? first.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.told.push(JSON.parse(line));
    }
  }
}

Deno.test("startHttp1() outlives the want of descriptors, and harms nobody it serves", async () => {
  await using server = new FewDescriptors();
  const port = await server.port();
  using stack = new DisposableStack();
  const connect = async (): Promise<RawClient> => stack.use(await RawClient.connect(port));
  const served = async (client: RawClient, target = "/"): Promise<boolean> => {
    await client.send(request(target));
    return (await client.until("served").catch(() => "")).startsWith("HTTP/1.1 200 ");
  };

  // Connections that rest make room for others, the one that has rested longest first.
  const resting: RawClient[] = [];
  for (let count = 0; count < DESCRIPTORS; count++) {
    const client = await connect();
    assert(await served(client), `connection ${count}`);
    resting.push(client);
  }
  await eventually(() => server.count("not-accepting") > 0);
  assertEquals([await resting[0]?.all(), await resting[1]?.all()], ["", ""]);
  assertEquals(server.count("refused"), 0);
  assert(await served(resting.at(-1) ?? await connect()));

  // Those whose answers are under way are left alone; who comes then is told.
  const busy: RawClient[] = [];
  for (let count = 0; count < DESCRIPTORS; count++) {
    const client = await connect();
    await client.send(request("/hold"));
    busy.push(client);
  }
  const holding = (): number =>
    server.told.filter((told) => told.kind === "request" && told.target === "/hold").length;
  await eventually(
    () => holding() + server.count("refused") >= DESCRIPTORS,
    () => `${holding()} held, ${server.count("refused")} refused`,
  );
  const held = holding();
  assert(held > 10 && held < DESCRIPTORS - 10, `${held} held`);
  const refused = await Promise.all(busy.slice(held).map((client) => client.all()));
  for (const text of refused) assert(text.startsWith("HTTP/1.1 503 "), text);

  // One of them leaves, and there is room again.
  busy[0]?.[Symbol.dispose]();
  await eventually(async () => {
    using client = await RawClient.connect(port);
    return await served(client, "/ailment");
  });
  const ailment = server.told.find((told) => told.kind === "ailment");
  assert(ailment?.kind === "ailment" && ailment.ailment?.includes("Too many open files"));
  using releasing = await RawClient.connect(port);
  await releasing.send(request("/release"));
  for (const client of busy.slice(1, held)) {
    assert((await client.until("served")).startsWith("HTTP/1.1 200 "));
    client[Symbol.dispose]();
  }
  await eventually(() => server.count("accepting") > 0);
  using last = await RawClient.connect(port);
  assert(await served(last, "/ailment"));
  assertEquals(server.told.at(-1), { kind: "ailment", ailment: null });
  assertEquals(server.count("fault"), 0);
});
