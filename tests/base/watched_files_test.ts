import { fileErrorText, type FileStat, type Look, WatchedFiles } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A file system in memory, with a clock that its files' times are of. */
class Disk {
  readonly clock = new FakeClock();
  readonly #files = new Map<string, { text: string; stat: FileStat }>();
  #inode = 0;
  reads = 0;
  failure: Error | undefined;

  /** Write in place; `inode` of its own where the file is replaced. */
  write(path: string, text: string, replaced = false): void {
    const now = new Date(this.clock.unixMs());
    const ino = replaced || !this.#files.has(path)
      ? ++this.#inode
      : this.#files.get(path)?.stat.ino ?? 0;
    this.#files.set(path, {
      text,
      stat: { isFile: true, size: text.length, mtime: now, ctime: now, ino },
    });
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  #find(path: string): { text: string; stat: FileStat } {
    if (this.failure !== undefined) throw this.failure;
    const file = this.#files.get(path);
    if (file === undefined) throw new Deno.errors.NotFound(`'${path}'`);
    return file;
  }

  watch(...paths: string[]): WatchedFiles {
    const port = {
      stat: (path: string) => this.#find(path).stat,
      read: (path: string) => {
        this.reads++;
        return this.#find(path).text;
      },
    };
    return new WatchedFiles(paths, { clock: this.clock, port, limitBytes: 10 });
  }
}

const SAME: Look = { kind: "same" };
function read(...texts: string[]): Look {
  return { kind: "read", texts };
}

Deno.test("WatchedFiles reads once while nothing changes", async () => {
  const disk = new Disk();
  disk.write("/a", "one");
  await disk.clock.advance(1000);
  const files = disk.watch("/a");
  assertEquals([files.look(), files.look(), files.look()], [read("one"), SAME, SAME]);
  assertEquals(disk.reads, 1);
});

Deno.test("WatchedFiles sees each change at the next look, also within one tick", async () => {
  const disk = new Disk();
  disk.write("/a", "one");
  const files = disk.watch("/a");
  assertEquals(files.look(), read("one"));
  disk.write("/a", "two");
  assertEquals(files.look(), read("two"));
  disk.write("/a", "six");
  assertEquals([files.look(), files.look()], [read("six"), SAME]);
  await disk.clock.advance(1000);
  assertEquals(files.look(), SAME);
  const { reads } = disk;
  assertEquals(files.look(), SAME);
  assertEquals(disk.reads, reads);
});

Deno.test("WatchedFiles sees a file that is replaced by another of the same size", async () => {
  const disk = new Disk();
  disk.write("/a", "one");
  await disk.clock.advance(1000);
  const files = disk.watch("/a");
  files.look();
  disk.write("/a", "two", true);
  assertEquals(files.look(), read("two"));
});

Deno.test("WatchedFiles gives all texts when one file has changed", async () => {
  const disk = new Disk();
  disk.write("/a", "one");
  disk.write("/b", "two");
  await disk.clock.advance(1000);
  const files = disk.watch("/a", "/b");
  assertEquals(files.look(), read("one", "two"));
  disk.write("/b", "six");
  assertEquals(files.look(), read("one", "six"));
});

Deno.test("WatchedFiles says nothing of a file that was written with what it held", async () => {
  const disk = new Disk();
  disk.write("/a", "one");
  const files = disk.watch("/a");
  files.look();
  await disk.clock.advance(1000);
  disk.write("/a", "one", true);
  assertEquals(files.look(), SAME);
});

Deno.test("WatchedFiles tells each problem once, and of files that are back", async () => {
  const disk = new Disk();
  disk.write("/a", "one");
  await disk.clock.advance(1000);
  const files = disk.watch("/a");
  files.look();
  disk.remove("/a");
  const gone: Look = { kind: "unreadable", path: "/a", problem: "there is none" };
  assertEquals([files.look(), files.look()], [gone, SAME]);
  disk.write("/a", "one");
  assertEquals([files.look(), files.look()], [read("one"), SAME]);
  disk.write("/a", "more than ten");
  const large: Look = { kind: "unreadable", path: "/a", problem: "it has 13 bytes, over 10" };
  assertEquals([files.look(), files.look()], [large, SAME]);
  disk.write("/a", "two");
  assertEquals(files.look(), read("two"));
});

Deno.test("WatchedFiles reads real files", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "one");
    const port = { stat: Deno.statSync, read: Deno.readTextFileSync };
    const clock = { unixMs: () => Date.now() };
    const files = new WatchedFiles([path], { clock, port, limitBytes: 100 });
    assertEquals(files.look(), read("one"));
    for (const text of ["two", "six", "ten"]) {
      await Deno.writeTextFile(path, text);
      assertEquals(files.look(), read(text));
    }
    await Deno.remove(path);
    assertEquals(files.look(), { kind: "unreadable", path, problem: "there is none" });
    await Deno.mkdir(path);
    assertEquals(files.look(), { kind: "unreadable", path, problem: "it is no regular file" });
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("fileErrorText() words what Deno throws, and leaves other errors as they are", () => {
  assertEquals(fileErrorText(new Deno.errors.PermissionDenied("x")), "permission denied");
  assertEquals(
    fileErrorText(new Deno.errors.NotCapable("x")),
    "the program was started without --allow-read",
  );
  assertEquals(fileErrorText(new Error("odd")), "odd");
});
