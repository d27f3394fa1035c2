/** Programs of others, built once in a cache folder from their Go modules of pinned versions. @module */
import { run } from "./process.ts";

/** One program. */
export interface GoProgram {
  readonly name: string;
  /** What `--version` has to say. */
  readonly version: string;
  /** The Go that it asks for. */
  readonly go: readonly [major: number, minor: number];
  /** `main.go`. */
  readonly main: string;
  /** `go.mod` of a module `server`, behind its first lines, by the command of the Go that builds it. */
  module(go: string): string | Promise<string>;
  /** What `go mod` is to do before the build. */
  readonly tidy: boolean;
  /** Arguments for the linker. */
  readonly linked: readonly string[];
}

/** Where distributions and Go's own archive put it, beside the search path. */
const GO_COMMANDS = ["go", "/usr/local/go/bin/go", "/usr/lib/go-1.24/bin/go"];

/** Build `program` in `folder`, unless it is there. Gives whether it was built. */
export async function prepareGoProgram(
  program: GoProgram,
  folder: string,
  print: (line: string) => void,
): Promise<boolean> {
  const { name, version } = program;
  if (await hasVersion(`${folder}/${name}`, version)) return false;
  const go = await findGo(program);
  print(`Building ${name} ${version} in ${folder} ...`);
  await build(go, program, folder);
  if (await hasVersion(`${folder}/${name}`, version)) return true;
  throw new Error(`Cannot use the ${name} that was built: it is not ${version}`);
}

/** Without what is only for debuggers: it would be a third of the file. */
async function build(go: string, program: GoProgram, folder: string): Promise<void> {
  const { name, main, tidy, linked } = program;
  const source = await Deno.makeTempDir({ prefix: "pd-router-build-" });
  try {
    await Deno.writeTextFile(`${source}/main.go`, main);
    await Deno.writeTextFile(
      `${source}/go.mod`,
      `module server\n\ngo ${program.go.join(".")}.0\n\n${await program.module(go)}`,
    );
    const env = { GOFLAGS: "-mod=mod", CGO_ENABLED: "0", GOTOOLCHAIN: "local" };
    if (tidy) await run(go, ["-C", source, "mod", "tidy"], env);
    const unfinished = `${folder}/${name}.part`;
    const flags = ["-s", "-w", ...linked].join(" ");
    await run(
      go,
      ["-C", source, "build", "-buildvcs=false", "-ldflags", flags, "-o", unfinished, "."],
      env,
    );
    await Deno.rename(unfinished, `${folder}/${name}`);
  } finally {
    await Deno.remove(source, { recursive: true });
  }
}

/** The command of a Go that is late enough. */
async function findGo({ name, go }: GoProgram): Promise<string> {
  for (const command of GO_COMMANDS) {
    const version = await run(command, ["env", "GOVERSION"], { GOTOOLCHAIN: "local" })
      .catch((error: unknown) => String(error));
    const [, major = 0, minor = 0] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
    if (Number(major) > go[0] || (Number(major) === go[0] && Number(minor) >= go[1])) {
      return command;
    }
  }
  throw new Error(
    `Cannot find Go ${
      go.join(".")
    } or later, which ${name} is built with: unpack a release of Go ` +
      "into /usr/local/go, or on Debian apt-get install golang-go (backports, where it is too old)",
  );
}

async function hasVersion(command: string, version: string): Promise<boolean> {
  try {
    const said = await run(command, ["--version"]);
    return /\d+\.\d+\.\d+/.exec(said)?.[0] === version;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
