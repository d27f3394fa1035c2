import { envName, FLAGS } from "../../lib/config/mod.ts";
import { type Outcome, run } from "../../scripts/compile/command.ts";
import { GRANTS } from "../../scripts/compile/permissions.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

const LAUNCH = new URL("../../scripts/compile/launch.sh", import.meta.url);
const START = new URL("../../scripts/start.sh", import.meta.url);

interface Host {
  readonly env?: Readonly<Record<string, string>>;
  /** What the program answers to `check --permissions`. */
  readonly needed?: string;
  readonly cwd?: string;
}

/** Run `script` after launch.sh, with `args` as its arguments. */
function sh(script: string, args: readonly string[] = [], host: Host = {}): Promise<Outcome> {
  const { env = {}, needed = "", cwd } = host;
  const program = `program() { printf '[program %s]' "$*" >&2; printf '%s\\n' "$NEEDED"; }`;
  return run("/bin/sh", {
    args: ["-c", `set -f\n. "$0"\n${program}\n${script}`, LAUNCH.pathname, ...args],
    env: { PATH: "/usr/bin:/bin", NEEDED: needed, ...env },
    clearEnv: true,
    timeoutMs: 20_000,
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** What may be read by a start with `args`. */
async function readable(args: readonly string[], host: Host = {}): Promise<string> {
  const { code, stdout } = await sh('let_read_named "$@"; printf %s "$allow_read"', args, host);
  assertEquals(code, 0);
  return stdout;
}

Deno.test("launch.sh knows every flag of a file, and its variable", async () => {
  const { stdout } = await sh('printf %s "$file_flags"');
  const files = FLAGS.filter(({ type }) => type === "file").map(({ name }) => name);
  assertEquals(stdout.split(" ").sort(), files.map((name) => `${name}=${envName(name)}`).sort());
});

Deno.test("launch.sh lets those files be read that arguments and variables name", async () => {
  const rows: readonly (readonly [string, readonly string[], Record<string, string>?])[] = [
    ["", []],
    ["", ["--port", "8001", "--prefill", "http://p", "stray", "-h"]],
    [",/ca.pem", ["--tls-ca", "/ca.pem"]],
    [",/ca.pem", ["--tls-ca=/ca.pem", "--port", "1"]],
    [",pd.yaml,c a.pem", ["check", "--config", "pd.yaml", "--tls-ca", "c a.pem"]],
    [",/a=b", ["--tls-ca=/a=b"]],
    [",--port", ["--tls-ca", "--port"]],
    [",body.json", ["explain", "--request", "body.json"]],
    ["", ["explain", "--request", "-"]],
    [",engine.json", ["engines", "add", "http://a", "--file", "engine.json"]],
    ["", ["--tls-ca", ""]],
    ["", ["--tls-ca"]],
    [",/env.pem", [], { PD_ROUTER_TLS_CA: "/env.pem" }],
    [",/env.pem,/ca.pem", ["--tls-ca=/ca.pem"], { PD_ROUTER_TLS_CA: "/env.pem" }],
    [",/$(id) `id`;\"'*", ["--tls-ca", "/$(id) `id`;\"'*"]],
    [",/$(id);\"'", [], { PD_ROUTER_TLS_CA: "/$(id);\"'" }],
  ];
  for (const [more, args, env = {}] of rows) {
    assertEquals(await readable(args, { env }), `--allow-read=/dev/null${more}`, args.join(" "));
  }
});

Deno.test("launch.sh lets it be read whom the system asks, where engines are found by DNS", async () => {
  const asks = "--allow-read=/dev/null,/etc/resolv.conf";
  for (const args of ["--dns-name vllm.test", "--dns-name=vllm.test", "--service-discovery=dns"]) {
    assertEquals(await readable(args.split(" ")), asks, args);
  }
  assertEquals(await readable(["--service-discovery", "dns"]), asks);
  assertEquals(await readable([], { env: { PD_ROUTER_DNS_NAME: "vllm.test" } }), asks);
  assertEquals(await readable([], { env: { PD_ROUTER_SERVICE_DISCOVERY: "dns" } }), asks);
  assertEquals(await readable(["--port", "1"]), "--allow-read=/dev/null");
});

Deno.test("launch.sh lets all files be read where a path has a comma", async () => {
  assertEquals(await readable(["--tls-ca=/a,b.pem"]), "--allow-read");
  assertEquals(await readable(["--tls-ca=/a,b.pem", "--config", "/no"]), "--allow-read");
});

Deno.test("launch.sh asks the program which files a configuration file names, if it names any", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    const needed = "--allow-net=a:80\n--allow-read=/dev/null,pd.yaml,/ca.pem\n--allow-env=X";
    const ask = (text: string): Promise<Outcome> => {
      Deno.writeTextFileSync(`${cwd}/pd.yaml`, text);
      const script = 'let_read_named "$@"; printf %s "$allow_read:$addon"';
      return sh(script, ["--port", "1", "--config", "pd.yaml"], { needed, cwd });
    };
    const plain = "--allow-read=/dev/null,pd.yaml";
    for (const text of ["", "port: 1\n", "tls: x"]) {
      const { stdout, stderr } = await ask(text);
      assertEquals([stdout, stderr], [`${plain}:`, ""]);
    }
    for (
      const text of [
        "port: 1\ntls_ca: /ca.pem",
        '{"port":1,"tls_ca":"/ca.pem"}',
        "dns_name: a.test",
      ]
    ) {
      const { stdout } = await ask(text);
      assertEquals(stdout, `${plain},/dev/null,pd.yaml,/ca.pem:`);
    }
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("launch.sh knows every key that names a file in a configuration file", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    const files = FLAGS.filter(({ name, type }) => type === "file" && name !== "config");
    for (const { name } of files) {
      Deno.writeTextFileSync(`${cwd}/pd.yaml`, `${name.replaceAll("-", "_")}: /x\n`);
      const args = ["--config", "pd.yaml"];
      const allowed = await readable(args, { cwd, needed: "--allow-read=/x" });
      assertEquals(allowed, "--allow-read=/dev/null,pd.yaml,/x", name);
    }
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("launch.sh starts with what is sure where the program cannot say more", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    Deno.writeTextFileSync(`${cwd}/pd.yaml`, "tls_ca: [\n");
    const args = ["--config", "pd.yaml"];
    assertEquals(await readable(args, { cwd }), "--allow-read=/dev/null,pd.yaml");
    assertEquals(
      await readable(["--config", "none.yaml"], { cwd }),
      "--allow-read=/dev/null,none.yaml",
    );
    assertEquals(await readable(["--config", "."], { cwd }), "--allow-read=/dev/null,.");
    assertEquals(await readable(args, { cwd, needed: "--allow-read" }), "--allow-read");
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("launch.sh asks the program where files are kept, if they may be", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    Deno.writeTextFileSync(`${cwd}/pd.yaml`, "enable_batch_api: true\n");
    const needed = "--allow-read=/dev/null,/store\n--allow-write=/store";
    const kept = async (args: readonly string[], env = {}): Promise<string> => {
      const script = 'let_read_named "$@"; printf "%s %s" "$allow_read" "$allow_write"';
      return (await sh(script, args, { needed, env, cwd })).stdout;
    };
    const granted = "--allow-read=/dev/null,/dev/null,/store --allow-write=/store";
    assertEquals(await kept(["--port", "1", "--enable-batch-api"]), granted);
    assertEquals(await kept(["--enable-batch-api=true"]), granted);
    assertEquals(await kept([], { PD_ROUTER_ENABLE_BATCH_API: "1" }), granted);
    const named = granted.replace("null,", "null,pd.yaml,");
    assertEquals(await kept(["--config", "pd.yaml"]), named);
    assertEquals(await kept(["--port", "1"]), "--allow-read=/dev/null ");
    assertEquals(await kept(["--access-log", "all", "--access-log-file", "/store"]), granted);
    assertEquals(await kept([], { PD_ROUTER_ACCESS_LOG_FILE: "/store" }), granted);
    Deno.writeTextFileSync(`${cwd}/pd.yaml`, "access_log_file: /store\n");
    assertEquals(await kept(["--config", "pd.yaml"]), named);
    // Another command keeps none.
    assertEquals(await kept(["check", "--enable-batch-api"]), "--allow-read=/dev/null ");
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("launch.sh narrows the addresses to those it is told", async () => {
  assertEquals((await sh('printf %s "$allow_net"')).stdout, "--allow-net");
  const env = { PD_ROUTER_ALLOW_NET: "0.0.0.0:8001,10.0.0.1:8000" };
  const { stdout } = await sh('printf %s "$allow_net"', [], { env });
  assertEquals(stdout, "--allow-net=0.0.0.0:8001,10.0.0.1:8000");
});

Deno.test("launch.sh takes as many descriptors as there are, and tells how many", async () => {
  const script = 'take_descriptors; printf "%s %s" "$(ulimit -Sn)" "$PD_ROUTER_MAX_OPEN_FILES"';
  assertEquals((await sh(`ulimit -Sn 100; ulimit -Hn 300; ${script}`)).stdout, "300 300");
  assertEquals((await sh(`ulimit -n 64; ${script}`)).stdout, "64 64");
  const env = { PD_ROUTER_MAX_OPEN_FILES: "50" };
  assertEquals((await sh(`ulimit -n 64; ${script}`, [], { env })).stdout, "64 50");
});

/** The bit of SIGUSR1 and of SIGUSR2 in a set of /proc. */
function signalsIn(status: string, set: string): readonly string[] {
  const bits = BigInt(`0x${new RegExp(`^${set}:\\s*(\\w+)$`, "m").exec(status)?.[1] ?? "0"}`);
  const numbers = { USR1: 10n, USR2: 12n };
  return Object.entries(numbers).filter(([, number]) => (bits >> (number - 1n)) & 1n)
    .map(([name]) => name);
}

Deno.test("launch.sh blocks SIGUSR1 for what it becomes, and says so", async () => {
  const script = 'become /bin/cat /proc/self/status /proc/self/environ "$@"';
  const { code, stdout } = await sh(script);
  assertEquals([code, signalsIn(stdout, "SigBlk")], [0, ["USR1"]]);
  assertEquals(signalsIn(stdout, "SigIgn").includes("USR2"), true);
  assertStringIncludes(stdout, "PD_ROUTER_BLOCKED_SIGNALS=USR1");
});

Deno.test("launch.sh ignores SIGUSR1 where it cannot block it", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.symlink("/bin/cat", `${dir}/a=b`);
    const script = "become /bin/cat /proc/self/status /proc/self/environ";
    const named = `become '${dir}/a=b' /proc/self/status /proc/self/environ`;
    const outcomes = [await sh(script, [], { env: { PATH: dir } }), await sh(named)];
    for (const { code, stdout } of outcomes) {
      assertEquals([code, signalsIn(stdout, "SigBlk")], [0, []]);
      assertEquals(signalsIn(stdout, "SigIgn"), ["USR1", "USR2"]);
      assert(!stdout.includes("PD_ROUTER_BLOCKED_SIGNALS"));
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("start.sh grants what the compiled program has, and narrows the same", async () => {
  const text = await Deno.readTextFile(START);
  for (const { flag } of GRANTS) {
    const narrowed = flag === "--allow-read" || flag === "--allow-net";
    assertStringIncludes(text, narrowed ? `"$${flag.slice(2).replace("-", "_")}"` : flag);
  }
});

/** Run the program of this checkout as its tasks do. */
function start(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return run("/bin/sh", {
    args: [START.pathname, ...args],
    env: { NO_COLOR: "1", ...env },
    timeoutMs: 240_000,
  });
}

Deno.test("start.sh runs the program with its arguments, descriptors and files", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    await Deno.writeTextFile(`${dir}/ca.pem`, pem);
    await Deno.writeTextFile(`${dir}/pd.yaml`, `tls_ca: ${dir}/ca.pem\n`);
    const pair = ["--prefill", "http://p", "--decode", "http://d"];
    const { code, stdout, stderr } = await start(["check", ...pair, "--config", `${dir}/pd.yaml`]);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(stdout, /^ {2}max-open-files +[1-9]\d* +environment, PD_ROUTER_MAX_OPEN_FILES$/m);
    assertStringIncludes(stdout, `--allow-read=/dev/null,${dir}/pd.yaml,${dir}/ca.pem`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("start.sh lets no other file be read, and the program says which it wanted", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/ca.pem`, "text");
    // Spelt so that only a parser finds the key.
    await Deno.writeTextFile(`${dir}/pd.json`, `{"tls\\u005fca": "${dir}/ca.pem"}`);
    const { code, stdout } = await start(["check", "--config", `${dir}/pd.json`]);
    assertEquals(code, 1);
    assertStringIncludes(stdout, `tls_ca in ${dir}/pd.json "${dir}/ca.pem": Cannot read the file`);
    assertStringIncludes(stdout, "without --allow-read for it");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("launch.sh lets the folders of modules be read that flags and variables name", async () => {
  const rows: readonly (readonly [string, readonly string[], Record<string, string>?])[] = [
    [",/etc/", ["--callbacks", "/etc/hooks.ts:it"]],
    [",.", ["--callbacks=hooks.ts:it"]],
    [",a/b/", ["--request-rewriter", "a/b/r.js:r"]],
    ["", ["--request-rewriter", "noop"]],
    [",/env/", [], { PD_ROUTER_CALLBACKS: "/env/hooks.ts:it" }],
  ];
  for (const [more, args, env = {}] of rows) {
    assertEquals(await readable(args, { env }), `--allow-read=/dev/null${more}`, args.join(" "));
  }
});

Deno.test("launch.sh lets the service account be read, where engines are found in Kubernetes", async () => {
  const account = ",/var/run/secrets/kubernetes.io/serviceaccount";
  const rows: readonly (readonly [string, readonly string[], Record<string, string>?])[] = [
    [account, ["--service-discovery", "k8s"]],
    [account, ["--service-discovery=k8s"]],
    [account, [], { PD_ROUTER_SERVICE_DISCOVERY: "k8s" }],
    ["", ["--service-discovery", "static"]],
    [",/t", ["--k8s-token-file", "/t"]],
  ];
  for (const [more, args, env = {}] of rows) {
    assertEquals(await readable(args, { env }), `--allow-read=/dev/null${more}`, args.join(" "));
  }
});

Deno.test("launch.sh lets the program start others like it where several processes are asked for", async () => {
  const script = `let_read_named "$@"; let_run /opt/deno run --x "a b" main.ts
    printf '%s|%s' "$allow_run" "\${PD_ROUTER_WORKER_COMMAND-}"`;
  const allowed = "--allow-run=/opt/deno|/opt/deno\nrun\n--x\na b\nmain.ts";
  for (const args of [["--workers", "2"], ["--workers=auto"], ["--port", "1", "--workers=2"]]) {
    assertEquals((await sh(script, args)).stdout, allowed, args.join(" "));
  }
  assertEquals((await sh(script, [], { env: { PD_ROUTER_WORKERS: "2" } })).stdout, allowed);
  const cwd = await Deno.makeTempDir();
  try {
    Deno.writeTextFileSync(`${cwd}/pd.yaml`, "workers: 2\n");
    const asked = await sh(script, ["--config", "pd.yaml"], { cwd, needed: "--allow-run" });
    assertEquals(asked.stdout, allowed);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
  for (const args of [["--port", "1"], ["check", "--workers", "2"], []]) {
    assertEquals((await sh(script, args)).stdout, "|", args.join(" "));
  }
});

Deno.test("launch.sh bounds memory, but for what the environment says itself", async () => {
  const names = ["ARENA_MAX", "TRIM_THRESHOLD_", "MMAP_THRESHOLD_"].map((name) => `MALLOC_${name}`);
  const all = ["DENO_V8_FLAGS", ...names].join(" ");
  const script = `bound_memory; for n in ${all}; do printenv "$n"; done`;
  const { stdout } = await sh(script);
  assertMatch(stdout, /^--max-semi-space-size=\d+,--[\w=,-]+\n1\n\d+\n\d+\n$/);
  const env = { DENO_V8_FLAGS: "--max-old-space-size=100", MALLOC_ARENA_MAX: "8" };
  const told = await sh(script, [], { env });
  assertMatch(told.stdout, /^--max-old-space-size=100\n8\n\d+\n\d+\n$/);
});

Deno.test("launch.sh gives no V8 flags where they are said to be none", async () => {
  const script = 'bound_memory; printf %s "${DENO_V8_FLAGS-unset}"';
  assertEquals((await sh(script, [], { env: { DENO_V8_FLAGS: "" } })).stdout, "unset");
});

Deno.test("launch.sh gives V8 flags that it knows", async () => {
  const { stdout } = await sh('bound_memory; printf %s "$DENO_V8_FLAGS"');
  const { code, stderr } = await run(Deno.execPath(), {
    args: ["eval", "0"],
    env: { DENO_V8_FLAGS: stdout },
    timeoutMs: 20_000,
  });
  assertEquals([code, stderr], [0, ""]);
});
