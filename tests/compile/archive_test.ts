import { concatBytes, encodeUtf8 } from "../../lib/base/mod.ts";
import { selfExtracting, sha256 } from "../../scripts/compile/archive.ts";
import { type Outcome, run } from "../../scripts/compile/command.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

const STUB = new URL("../../scripts/compile/stub.sh", import.meta.url);
const PROGRAM = encodeUtf8("program ".repeat(5000));
const ADDON = encodeUtf8("addon\0".repeat(300));

/** Stands in for Deno: answers to `--version`, else shows its arguments and input, and ends with 7. */
const RUNTIME = `#!/bin/sh
[ "$1" = --version ] && exit 0
printf '<%s>' "$@"
printf ' %s %s ' "$DENO_NO_UPDATE_CHECK" "$GREETING"
while read -r line; do printf '%s' "$line"; done
exit 7
`;

/** A folder with the file `pd-router` in it, removed at the end. */
class Place implements AsyncDisposable {
  readonly dir: string;
  readonly file: string;

  private constructor(dir: string) {
    this.dir = dir;
    this.file = `${dir}/pd-router`;
  }

  static async create(runtime = RUNTIME): Promise<Place> {
    const place = new Place(await Deno.makeTempDir({ prefix: "pd-router-test-" }));
    const bytes = concatBytes(selfExtracting(await Deno.readTextFile(STUB), {
      version: "1.2.3",
      runtime: encodeUtf8(runtime),
      program: PROGRAM,
      addon: ADDON,
      flags: ["--no-prompt", "--allow-env=A B,C*"],
    }));
    await Deno.writeFile(place.file, bytes, { mode: 0o755 });
    return place;
  }

  /** Run the file with only `env` and PATH in its environment; HOME is `home` in this place. */
  start(args: readonly string[] = [], env: Record<string, string> = {}): Promise<Outcome> {
    return this.sh('exec "$0" "$@"', args, env);
  }

  /** Run `script` with the file as `$0`. */
  sh(script: string, args: readonly string[], env: Record<string, string>): Promise<Outcome> {
    return run("/bin/sh", {
      args: ["-c", script, this.file, ...args],
      env: { PATH: "/usr/bin:/bin", HOME: `${this.dir}/home`, TMPDIR: `${this.dir}/tmp`, ...env },
      clearEnv: true,
      timeoutMs: 60_000,
    });
  }

  /** Paths below `folder`, sorted, with the content's hash in place of the folders' names. */
  list(folder: string): readonly string[] {
    const found: string[] = [];
    const walk = (path: string): void => {
      for (const entry of Deno.readDirSync(`${this.dir}/${folder}${path}`)) {
        const child = `${path}/${entry.name}`;
        found.push(child);
        if (entry.isDirectory) walk(child);
      }
    };
    walk("");
    return found.sort();
  }

  /** The unpacked file of this name in the cache folder. */
  cached(name: string, cache = "home/.cache"): string {
    const found = this.list(`${cache}/pd-router`).find((path) => path.endsWith(`/${name}`));
    assert(found !== undefined, `${name} is not in ${cache}`);
    return `${this.dir}/${cache}/pd-router${found}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

Deno.test("selfExtracting() is the same for the same contents, and named for them", async () => {
  const stub = await Deno.readTextFile(STUB);
  const contents = { version: "1", runtime: PROGRAM, program: PROGRAM, addon: ADDON, flags: [] };
  const first = concatBytes(selfExtracting(stub, contents));
  assertEquals(sha256(concatBytes(selfExtracting(stub, contents))), sha256(first));
  const folders = (addon: Uint8Array): readonly string[] => {
    const [text = new Uint8Array()] = selfExtracting(stub, { ...contents, addon });
    const script = new TextDecoder().decode(text);
    return [...script.matchAll(/"\$1" (\w{12})\//g)].map((match) => match[1] ?? "");
  };
  const [runtime, program, addon] = folders(ADDON);
  const [sameRuntime, otherProgram] = folders(PROGRAM);
  assertEquals(runtime, sameRuntime);
  assertEquals(program, addon);
  assert(program !== otherProgram, "another addon is another program");
});

Deno.test("stub runs the program with its arguments, environment, input and status", async () => {
  await using place = await Place.create();
  const args = ["--help", "a b", "", "it's", "*", "$HOME", "x\ny"];
  const outcome = await place.sh(
    `printf 'from stdin\\n' | "$0" "$@"`,
    args,
    { GREETING: "hello" },
  );
  const dir = `${place.dir}/home/.cache/pd-router`;
  const program = place.cached("main.js");
  const addon = place.cached("addon.node");
  assertEquals(outcome, {
    code: 7,
    stdout: `<run><--no-prompt><--allow-env=A B,C*><--allow-ffi=${addon}><${program}>` +
      `<--help><a b><><it's><*><$HOME><x\ny> 1 hello from stdin`,
    stderr: "",
    timedOut: false,
  });
  assert(program.startsWith(`${dir}/`));
});

Deno.test("stub unpacks three files that only their owner can reach or change by accident", async () => {
  await using place = await Place.create();
  assertEquals((await place.start()).code, 7);
  assertEquals(place.list("home/.cache/pd-router").length, 5);
  const modes = ["pd-router", "main.js", "addon.node"].map((name) => {
    const { mode, mtime } = Deno.statSync(place.cached(name));
    return [name, ((mode ?? 0) & 0o777).toString(8), mtime?.toISOString()];
  });
  const stamp = "2000-01-01T00:00:00.000Z";
  assertEquals(modes, [["pd-router", "500", stamp], ["main.js", "400", stamp], [
    "addon.node",
    "400",
    stamp,
  ]]);
  assertEquals((Deno.statSync(`${place.dir}/home/.cache/pd-router`).mode ?? 0) & 0o777, 0o700);
  assertEquals(sha256(await Deno.readFile(place.cached("main.js"))), sha256(PROGRAM));
  assertEquals(sha256(await Deno.readFile(place.cached("addon.node"))), sha256(ADDON));
});

Deno.test("stub writes nothing at later starts", async () => {
  await using place = await Place.create();
  await place.start();
  const inodes = (): readonly unknown[] =>
    ["pd-router", "main.js", "addon.node"].map((name) => Deno.statSync(place.cached(name)).ino);
  const before = inodes();
  assertEquals((await place.start()).code, 7);
  assertEquals(inodes(), before);
});

const DAMAGE: Readonly<Record<string, (path: string) => void>> = {
  "cut short": (path) => Deno.truncateSync(path, 3),
  "longer": (path) => Deno.writeFileSync(path, new Uint8Array(9), { append: true }),
  "overwritten in place": (path) => {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(encodeUtf8("#!/x"));
  },
  "deleted": (path) => Deno.removeSync(path),
  "deleted with its folder": (path) =>
    Deno.removeSync(path.slice(0, path.lastIndexOf("/")), { recursive: true }),
  "a link elsewhere": (path) => {
    Deno.renameSync(path, `${path}.real`);
    Deno.symlinkSync(`${path}.real`, path);
  },
};

for (const [name, damage] of Object.entries(DAMAGE)) {
  for (const file of ["pd-router", "main.js", "addon.node"]) {
    Deno.test(`stub repairs its cache: ${file} ${name}`, async () => {
      await using place = await Place.create();
      await place.start();
      const path = place.cached(file);
      const whole = sha256(await Deno.readFile(path));
      Deno.chmodSync(path, 0o700);
      damage(path);
      assertEquals((await place.start()).code, 7);
      assertEquals(sha256(await Deno.readFile(path)), whole);
      assert(!Deno.lstatSync(path).isSymlink);
    });
  }
}

Deno.test("stub may be started many times at once on an empty or a damaged cache", async () => {
  await using place = await Place.create();
  for (let round = 0; round < 3; round++) {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => place.start(["x"])));
    for (const { code, stdout, stderr } of outcomes) {
      assertEquals([code, stderr], [7, ""]);
      assertMatch(stdout, /main\.js><x> 1 /);
    }
    const names = place.list("home/.cache/pd-router");
    assertEquals(names.length, 5, names.join(" "));
    Deno.truncateSync(place.cached("main.js"), round);
    Deno.removeSync(place.cached("pd-router"));
  }
});

Deno.test("stub prefers XDG_CACHE_HOME, then HOME, then TMPDIR, and only absolute ones", async () => {
  await using place = await Place.create();
  const { dir } = place;
  const cases: readonly (readonly [Record<string, string>, string])[] = [
    [{ XDG_CACHE_HOME: `${dir}/xdg` }, "xdg/pd-router/"],
    [{ XDG_CACHE_HOME: "relative" }, "home/.cache/pd-router/"],
    [{ HOME: "" }, `tmp/pd-router-${Deno.uid()}/`],
    [{ HOME: "/dev/null" }, `tmp/pd-router-${Deno.uid()}/`],
    [{ HOME: `${dir}/a,b` }, `tmp/pd-router-${Deno.uid()}/`],
    [{ XDG_CACHE_HOME: "/dev/null", HOME: `${dir}/with space` }, "with space/.cache/pd-router/"],
  ];
  for (const [env, expected] of cases) {
    const { code, stdout, stderr } = await place.start([], env);
    assertEquals([code, stderr], [7, ""]);
    assertStringIncludes(stdout, `<--allow-ffi=${dir}/${expected}`);
    for (const entry of ["xdg", "home", "tmp", "with space", "a,b"]) {
      if (exists(`${dir}/${entry}`)) await Deno.remove(`${dir}/${entry}`, { recursive: true });
    }
  }
});

Deno.test("stub uses no folder through a link or of another owner", async () => {
  await using place = await Place.create();
  const { dir } = place;
  await Deno.mkdir(`${dir}/home/.cache`, { recursive: true });
  await Deno.mkdir(`${dir}/elsewhere`);
  await Deno.symlink(`${dir}/elsewhere`, `${dir}/home/.cache/pd-router`);
  const { code, stdout } = await place.start();
  assertEquals(code, 7);
  assertStringIncludes(stdout, `<--allow-ffi=${dir}/tmp/pd-router-`);
  assertEquals(place.list("elsewhere"), []);
});

Deno.test({
  name: "stub trusts no files of another owner",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using place = await Place.create();
    await place.start();
    const program = place.cached("main.js");
    await Deno.chown(program, 65_534, 65_534);
    assertEquals((await place.start()).code, 7);
    assertEquals(Deno.statSync(program).uid, 0);
    await Deno.chown(`${place.dir}/home/.cache/pd-router`, 65_534, 65_534);
    assertStringIncludes(
      (await place.start()).stdout,
      `<--allow-ffi=${place.dir}/tmp/pd-router-0/`,
    );
  },
});

Deno.test("stub goes on to the next folder when one cannot run programs", async () => {
  const refusing = "&& case $0 in */home/*) exit 126 ;; *) exit 0 ;; esac";
  await using place = await Place.create(RUNTIME.replace("&& exit 0", refusing));
  for (let start = 0; start < 2; start++) {
    const { code, stdout, stderr } = await place.start();
    assertEquals([code, stderr], [7, ""]);
    assertStringIncludes(stdout, `<--allow-ffi=${place.dir}/tmp/pd-router-`);
    assertEquals(place.list("home"), ["/.cache"]);
  }
});

Deno.test("stub says why no folder will do, and leaves nothing there", async () => {
  await using place = await Place.create();
  // Files may have no more than one block: as on a full disk.
  const outcome = await place.sh('trap "" XFSZ; ulimit -f 1; exec "$0"', [], {
    HOME: `${place.dir}/h`,
  });
  assertEquals([outcome.code, outcome.stdout], [1, ""]);
  assertMatch(outcome.stderr, /^pd-router: cannot unpack 1\.2\.3 into any of these folders/);
  assertMatch(outcome.stderr, /\n {2}\S+\/h\/\.cache\/pd-router: gzip: .*File too large/);
  assertEquals(outcome.stderr.trimEnd().split("\n").length, 4, outcome.stderr);
  assertEquals(place.list("h"), ["/.cache"]);
  assertEquals(place.list("tmp"), []);
});

Deno.test("stub says when the runtime cannot run on this machine", async () => {
  await using place = await Place.create("#!/nonexistent/interpreter\n");
  const { code, stderr } = await place.start();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /\.cache\/pd-router: cannot run programs there \(mounted noexec, or no glibc/,
  );
  assertEquals(place.list("tmp"), []);
});

Deno.test("stub names the tools it misses", async () => {
  await using place = await Place.create();
  const bin = `${place.dir}/bin`;
  await Deno.mkdir(bin);
  for (
    const tool of ["stat", "id", "head", "tail", "mkdir", "mktemp", "mv", "rm", "rmdir", "chmod"]
  ) {
    const { stdout } = await place.sh(`command -v ${tool}`, [], {});
    await Deno.symlink(stdout.trim(), `${bin}/${tool}`);
  }
  const { code, stderr } = await place.start([], { PATH: bin });
  assertEquals(code, 1);
  assertEquals(stderr, "pd-router: cannot unpack 1.2.3: not found in PATH: gzip sha256sum touch\n");
});

Deno.test("stub notices that its own file is damaged", async () => {
  await using place = await Place.create();
  const whole = await Deno.readFile(place.file);
  await Deno.truncate(place.file, whole.length - 1);
  const short = await place.start();
  assertEquals(short.code, 1);
  assertEquals(
    short.stderr,
    `pd-router: ${place.file} is damaged: ${whole.length - 1} bytes, not ${whole.length}; ` +
      "copy it again\n",
  );
  const flipped = Uint8Array.from(whole);
  // In the last stream's CRC.
  const at = whole.length - 6;
  flipped[at] = (whole[at] ?? 0) ^ 0xff;
  await Deno.writeFile(place.file, flipped);
  const damaged = await place.start();
  assertEquals(damaged.code, 1);
  assertMatch(
    damaged.stderr,
    /\.cache\/pd-router: (gzip: stdin: |addon\.node has a wrong checksum)/,
  );
});

Deno.test("stub runs nothing whose checksum is wrong", async () => {
  await using place = await Place.create();
  const hash = encodeUtf8(sha256(PROGRAM));
  const file = await Deno.readFile(place.file);
  const at = new TextDecoder("latin1").decode(file).indexOf(sha256(PROGRAM));
  file.set(hash.toReversed(), at);
  await Deno.writeFile(place.file, file);
  const { code, stdout, stderr } = await place.start();
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /\.cache\/pd-router: main\.js has a wrong checksum after unpacking\n/);
  assertEquals(place.list("home"), ["/.cache"]);
});

Deno.test("stub ends with the signal's status when told to stop while unpacking", async () => {
  const runtime = RUNTIME.replace("&& exit 0", '&& kill "-$SIGNAL" "$STUB_PID" && exit 0');
  for (const [signal, status] of [["TERM", 143], ["HUP", 129], ["INT", 130]] as const) {
    await using place = await Place.create(runtime);
    const script = 'export STUB_PID=$$; exec "$0"';
    const { code, stdout } = await place.sh(script, [], { SIGNAL: signal });
    assertEquals([code, stdout], [status, ""], signal);
    const left = place.list("home").filter((path) => path.includes(".new."));
    assertEquals(left, [], signal);
  }
});
