import { RouterError } from "../../lib/base/mod.ts";
import { openAccessLines } from "../../lib/cli/access_file.ts";
import type { AppendFile } from "../../lib/cli/stdio.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { fakeProcess, FakeSink } from "./support.ts";

interface Files {
  readonly open: (path: string) => AppendFile;
  /** One for each time that the file was opened. */
  readonly opened: FakeSink[];
  readonly closed: number[];
}

function fakeFiles(): Files {
  const opened: FakeSink[] = [];
  const closed: number[] = [];
  return {
    opened,
    closed,
    open: () => {
      const sink = new FakeSink();
      const index = opened.push(sink) - 1;
      return { write: (bytes) => sink.write(bytes), close: () => void closed.push(index) };
    },
  };
}

function notes(): {
  readonly lines: string[];
  error(line: string): void;
  warning(line: string): void;
} {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  return { lines, error: note, warning: note };
}

Deno.test("openAccessLines() writes to standard output where no file is named", async () => {
  const { ports, out } = fakeProcess();
  await using lines = openAccessLines({}, ports, notes());
  lines.write("a");
  lines.reopen();
  lines.write("b");
  await ports.stdio.out.flushed();
  assertEquals(out.lines, ["a", "b"]);
});

Deno.test("openAccessLines() writes whole lines to the file that is open when they go out", async () => {
  const { ports } = fakeProcess();
  const files = fakeFiles();
  const openAppend = files.open;
  const lines = openAccessLines({ accessFile: "/a.log" }, { ...ports, openAppend }, notes());
  const [first] = files.opened;
  if (first !== undefined) first.atMost = 3;
  lines.write("a long line");
  lines.write("another");
  await settle();
  lines.reopen();
  lines.write("behind");
  await lines[Symbol.asyncDispose]();
  assertEquals(files.opened.map((sink) => sink.lines), [["a long line", "another"], ["behind"]]);
  assertEquals(files.closed, [0, 1]);
});

Deno.test("openAccessLines() throws where the file cannot be opened", () => {
  const { ports } = fakeProcess();
  const openAppend = (): never => {
    throw new Deno.errors.PermissionDenied("no way");
  };
  const error = assertThrows(
    () => openAccessLines({ accessFile: "/a.log" }, { ...ports, openAppend }, notes()),
    RouterError,
  );
  assertStringIncludes(error.message, "Cannot write --access-log-file /a.log: ");
  assertStringIncludes(error.message, "no way");
});

Deno.test("openAccessLines() says once that lines are lost, and when they are written again", async () => {
  const { ports } = fakeProcess();
  const log = notes();
  const written: string[] = [];
  let full = true;
  const openAppend = (): AppendFile => ({
    write: (bytes) => {
      if (full) return Promise.reject(new Error("No space left on device"));
      written.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.length);
    },
    close: () => {},
  });
  await using lines = openAccessLines({ accessFile: "/a" }, { ...ports, openAppend }, log);
  for (const line of ["a", "b"]) {
    lines.write(line);
    await settle();
  }
  assertEquals(log.lines, ["Lines of the access log are lost"]);
  full = false;
  lines.write("c");
  await settle();
  assertEquals(written, ["c\n"]);
  assertEquals(log.lines.at(-1), "The access log is written again");
});

Deno.test("openAccessLines() keeps the file that is open where it cannot be opened again", async () => {
  const { ports } = fakeProcess();
  const log = notes();
  const sink = new FakeSink();
  let opens = 0;
  const openAppend = (): AppendFile => {
    if (opens++ > 0) throw new Error("Permission denied");
    return { write: (bytes) => sink.write(bytes), close: () => {} };
  };
  await using lines = openAccessLines({ accessFile: "/a" }, { ...ports, openAppend }, log);
  lines.reopen();
  lines.write("a");
  await settle();
  assertEquals([sink.lines, log.lines[0]], [["a"], "The access log cannot be opened again"]);
});
