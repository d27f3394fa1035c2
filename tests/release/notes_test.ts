import { elfMachine, MACHINES } from "../../scripts/release/machines.ts";
import { checksumsText, notesText } from "../../scripts/release/notes.ts";
import { readHistory } from "../../scripts/release/history.ts";
import { run } from "../../scripts/compile/command.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("notesText() lists the files, and what has changed since the release before", () => {
  const [machine] = MACHINES;
  assert(machine !== undefined);
  const file = {
    ...{ machine, name: "pd-router-1.0.0-linux-x86_64", size: 44_012_345, glibc: "2.27" },
    ...{ sha256: "", runtimeSha256: "" },
  };
  const parts = { version: "1.0.0", date: "2026-11-27", subjects: ["B", "A"], files: [file] };
  const text = notesText({ ...parts, since: "v0.9.0" });
  assert(text.startsWith("# pd-router 1.0.0\n\n2026-11-27\n"), text);
  assert(text.includes("| `pd-router-1.0.0-linux-x86_64` | Linux x86-64, glibc 2.27 or later |"));
  assert(text.endsWith("## Since v0.9.0\n\n- B\n- A\n"), text);
  assert(notesText({ ...parts, since: undefined }).includes("## What there is\n"));
});

Deno.test("checksumsText() is what sha256sum checks", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/empty`, "");
    const sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const check = async (digest: string): Promise<number> => {
      const sums = checksumsText([{ name: "empty", sha256: digest }]);
      await Deno.writeTextFile(`${folder}/SHA256SUMS`, sums);
      const args = ["--check", "--strict", "SHA256SUMS"];
      return (await run("sha256sum", { args, cwd: folder, timeoutMs: 10_000 })).code;
    };
    assertEquals(await check(sha256), 0);
    assertEquals(await check(sha256.replace("e3", "e4")), 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("elfMachine() tells the machine of an executable, and that of no other file", () => {
  const header = new Uint8Array(64);
  header.set([0x7f, 0x45, 0x4c, 0x46]);
  header[18] = 183;
  assertEquals(elfMachine(header), 183);
  // Within a larger buffer.
  const shifted = new Uint8Array(80);
  shifted.set(header, 16);
  assertEquals(elfMachine(shifted.subarray(16)), 183);
  assertEquals(elfMachine(new Uint8Array(64)), undefined);
  assertEquals(elfMachine(header.subarray(0, 10)), undefined);
  const own = MACHINES.find(({ target }) => target === Deno.build.target);
  using file = Deno.openSync(Deno.execPath());
  const begin = new Uint8Array(64);
  file.readSync(begin);
  if (own !== undefined) assertEquals(elfMachine(begin), own.elf);
});

Deno.test("readHistory() begins behind the last tag of a release, and leaves merges out", async () => {
  const root = await Deno.makeTempDir();
  try {
    const git = async (...args: readonly string[]): Promise<void> => {
      const env = {
        ...{ GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a" },
        ...{ GIT_COMMITTER_EMAIL: "a@b", GIT_COMMITTER_DATE: "2026-11-27T04:00:00Z" },
        ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
      };
      const { code, stderr } = await run("git", {
        args: ["-C", root, ...args],
        env,
        timeoutMs: 10_000,
      });
      assertEquals(code, 0, stderr);
    };
    const commit = (subject: string): Promise<void> =>
      git("commit", "--quiet", "--allow-empty", "-m", subject);
    await git("init", "--quiet", "-b", "main");
    await commit("First");
    assertEquals(await readHistory(root, "1.0.0", undefined), {
      at: "2026-11-27T04:00:00Z",
      since: undefined,
      subjects: ["First"],
      isChanged: false,
    });
    await git("tag", "v1.0.0");
    await git("switch", "--quiet", "-c", "side");
    await commit("Of the side");
    await git("switch", "--quiet", "main");
    await commit("Second");
    await git("merge", "--quiet", "--no-ff", "-m", "Merge the side", "side");
    // The release's own tag, which may be there already, is not the one before.
    await git("tag", "v1.1.0");
    const { since, subjects } = await readHistory(root, "1.1.0", undefined);
    assertEquals([since, [...subjects].sort()], ["v1.0.0", ["Of the side", "Second"]]);
    await Deno.writeTextFile(`${root}/new`, "");
    assert((await readHistory(root, "1.1.0", "HEAD")).isChanged);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
