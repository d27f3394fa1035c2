import { digestOf, readFileTexts } from "../../lib/cli/config_files.ts";
import { assert, assertEquals } from "../support/assert.ts";

const FILES = {
  stat: (path: string) =>
    path === "/gone"
      ? Promise.reject(new Deno.errors.NotFound())
      : Promise.resolve({ isFile: path !== "/pipe", size: path === "/large" ? 2 ** 30 : 1 }),
  read: (path: string) =>
    path === "/a" || path === "/b"
      ? Promise.resolve(`text of ${path}`)
      : Promise.reject(new Error("It must not be read")),
};

Deno.test("readFileTexts() reads each file once, and none that is large or a pipe", async () => {
  const texts = await readFileTexts(["/a", "/b", "/a", "/gone", "/pipe", "/large"], FILES);
  assertEquals([...texts.keys()], ["/a", "/b", "/gone", "/pipe", "/large"]);
  assertEquals(texts.get("/a"), { text: "text of /a" });
  const errors = [...texts.values()].map((read) => "error" in read);
  assertEquals(errors, [false, false, true, true, true]);
  assertEquals(String(Object(texts.get("/pipe")).error), "Error: it is no regular file");
});

Deno.test("digestOf() tells texts and reasons apart", () => {
  const digests = [
    digestOf(new Map([["/a", { text: "x" }]])),
    digestOf(new Map([["/b", { text: "x" }]])),
    digestOf(new Map([["/a", { text: "" }]])),
    digestOf(new Map([["/a", { error: new Deno.errors.NotFound() }]])),
    digestOf(new Map([["/a", { error: new Deno.errors.PermissionDenied() }]])),
  ];
  assertEquals(new Set(digests).size, digests.length);
  assert(digests[0] === digestOf(new Map([["/a", { text: "x" }]])));
});
