import { atOnce, concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { Database } from "../../lib/batch/database.ts";
import { openDisk } from "../../lib/batch/disk.ts";
import { Pace } from "../../lib/batch/pace.ts";
import { answeredLine, unansweredLine } from "../../lib/batch/result_line.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { tempFolder } from "../support/batches.ts";
import { Scene } from "./support.ts";

const HEAD = { line: 1, customId: 'a"b', id: "batch_req_1" };

function answered(status: number, text: string): { ok: boolean; text: string } {
  const what = { status, requestId: "r", body: encodeUtf8(text) };
  const { ok, bytes, size } = atOnce(answeredLine(HEAD, what));
  const whole = concatBytes(bytes);
  assertEquals(whole.length, size);
  return { ok, text: decodeUtf8(whole) };
}

Deno.test("answeredLine() puts an answer into one line, as it is", () => {
  const { ok, text } = answered(200, '{\n "a": "x\\ny",\r\n "b": 1.0}\n');
  assertEquals(ok, true);
  assertEquals(text.indexOf("\n"), text.length - 1);
  assert(!text.includes("\r"));
  assertEquals(JSON.parse(text), {
    id: "batch_req_1",
    custom_id: 'a"b',
    response: { status_code: 200, request_id: "r", body: { a: "x\ny", b: 1 } },
    error: null,
  });
});

Deno.test("answeredLine() takes failures for failures, and what is no JSON for none", () => {
  const failed = answered(400, '{"error":{}}');
  assertEquals([failed.ok, JSON.parse(failed.text).response.status_code], [false, 400]);
  const page = answered(502, "<html>\n</html>");
  assertEquals([page.ok, JSON.parse(page.text).response.body], [false, "<html>\n</html>"]);
  const bytes = answered(200, "\u0000\u0001");
  assertEquals([bytes.ok, JSON.parse(bytes.text).error.code], [false, "invalid_response"]);
  const none = unansweredLine(HEAD, "batch_expired", "Late");
  assertEquals(JSON.parse(decodeUtf8(concatBytes(none.bytes))), {
    id: "batch_req_1",
    custom_id: 'a"b',
    response: null,
    error: { code: "batch_expired", message: "Late" },
  });
});

Deno.test("ResultWriter writes a line once, whoever asks", async () => {
  await using scene = new Scene();
  const batch = await scene.batch(2);
  scene.lines.add(batch.seq, [{ line: 1, customId: "a", body: { start: 0, end: 1 } }]);
  const result = unansweredLine(HEAD, "batch_expired", "Late");
  assertEquals(await scene.writer.write(batch.seq, result), true);
  const again = scene.writer.write(batch.seq, result);
  await scene.until(() => scene.clock.pending > 0, "it is tried again");
  await scene.writer.stop();
  assertEquals(await again, false);
  assertEquals(scene.now(batch).failed, 1);
  // What was put behind is behind what is known to be right.
  const { errorName, errorBytes } = scene.now(batch);
  assertEquals(errorBytes, result.size);
  assertEquals(scene.disk.files.get(errorName)?.length, 2 * result.size);
});

Deno.test("ResultWriter goes on behind what is known to be right", async () => {
  await using scene = new Scene();
  const batch = await scene.batch(2);
  const body = { start: 0, end: 1 };
  scene.lines.add(batch.seq, [{ line: 1, customId: "a", body }, { line: 2, customId: "b", body }]);
  const [one, two] = [1, 2].map((line) =>
    unansweredLine({ ...HEAD, line, customId: `l-${line}` }, "batch_expired", "Late")
  );
  assert(one !== undefined && two !== undefined);
  await scene.writer.write(batch.seq, one);
  await scene.disk.append(batch.errorName, one.size, [encodeUtf8("torn")]);
  await scene.writer.write(batch.seq, two);
  assertEquals(scene.results(batch.errorName).map(({ custom_id }) => custom_id), ["l-1", "l-2"]);
});

Deno.test("Pace slows down once in a pause, and comes back", () => {
  const pace = new Pace(8);
  assertEquals([pace.window, pace.waitMs(0)], [8, 0]);
  pace.refused(0, 0.5);
  pace.refused(10, 0.5);
  assertEquals([pace.window, pace.waitMs(0)], [4, 375]);
  pace.refused(400, 0, 5_000);
  assertEquals([pace.window, pace.waitMs(400)], [2, 5_000]);
  for (let now = 10_000; now < 3_000_000; now += 100_000) pace.refused(now, 0.99, 1e9);
  assertEquals([pace.window, pace.waitMs(2_910_000) <= 60_000], [1, true]);
  for (let more = 0; more < 100; more++) pace.answered();
  assertEquals(pace.window, 8);
});

Deno.test("FileStore keeps nothing of uploads that are too large, or left", async () => {
  await using scene = new Scene({ totalBytes: 150_000 });
  await assertRejects(() => scene.store("x".repeat(100_001)), RouterError, "--max-file-bytes");
  {
    await using left = await scene.files.upload("");
    await left.write(encodeUtf8("part"));
  }
  assertEquals([scene.files.usedBytes, scene.disk.files.size], [0, 0]);
  await scene.store("x".repeat(90_000));
  await assertRejects(() => scene.store("x".repeat(90_000)), RouterError, "--max-storage-bytes");
  assertEquals([scene.files.usedBytes, scene.disk.files.size], [90_000, 1]);
});

Deno.test("FileStore.clean() deletes what nobody knows, and nothing else", async () => {
  await using scene = new Scene();
  const file = await scene.store("text");
  const batch = await scene.batch(1);
  for (const name of ["upload-1", "file-orphan", batch.outputName]) {
    scene.disk.files.set(name, encodeUtf8("x"));
  }
  await scene.files.clean();
  const left = [file, batch.inputFileId, batch.outputName].sort();
  assertEquals([...scene.disk.files.keys()].sort(), left);
});

Deno.test("FileStore bounds how many files are stored at a time", async () => {
  await using scene = new Scene();
  await using stack = new AsyncDisposableStack();
  for (let more = 0; more < 64; more++) stack.use(await scene.files.upload(""));
  await assertRejects(() => scene.files.upload(""), RouterError, "try again later");
  await stack.disposeAsync();
  await scene.store("fits again");
});

Deno.test("openDisk() cuts, writes on and reads stretches", async () => {
  await using folder = await tempFolder();
  const disk = await openDisk(`${folder.path}/deep/files`);
  await disk.append("a", 0, [encodeUtf8("one "), encodeUtf8("two")]);
  await disk.append("a", 4, [encodeUtf8("three")]);
  assertEquals(await Deno.readTextFile(`${folder.path}/deep/files/a`), "one three");
  const reader = await disk.read("a", { start: 4, end: 7 });
  assertEquals(decodeUtf8(await reader.read() ?? new Uint8Array(0)), "thr");
  assertEquals(await reader.read(), undefined);
  const left = await disk.read("a");
  left.cancel();
  left.cancel();
  assertEquals(await left.read(), undefined);
  await disk.rename("a", "b");
  assertEquals(await disk.list(), ["b"]);
  await disk.remove("b");
  await disk.remove("b");
  await assertRejects(() => disk.read("b"), Deno.errors.NotFound);
  const { mode } = await Deno.stat(`${folder.path}/deep/files`);
  assertEquals((mode ?? 0) & 0o777, 0o700);
});

Deno.test("Database is of one process, and of its own version", async () => {
  await using folder = await tempFolder();
  const path = `${folder.path}/x.sqlite`;
  {
    using first = new Database(path);
    assertThrows(() => new Database(path), RouterError, "another router has it open");
    first.run("PRAGMA user_version = 7");
  }
  assertThrows(() => new Database(path), RouterError, "of version 7");
});

Deno.test("Database.transaction() does all, or nothing", () => {
  using db = new Database(":memory:");
  const add = (id: string): number =>
    db.run(
      `INSERT INTO files (id, owner, filename, purpose, bytes, created_at)
        VALUES (?, '', '', '', 0, 0)`,
      id,
    );
  assertThrows(() =>
    db.transaction(() => {
      add("a");
      throw new RangeError("no");
    }), RangeError);
  db.transaction(() => add("b"));
  assertEquals(db.all("SELECT id FROM files").map(({ id }) => id), ["b"]);
});
