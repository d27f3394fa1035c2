import { parseProject } from "../../scripts/compile/project.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("parseProject() takes what a compiled program keeps", () => {
  const text = '{"version": "1.0.0", "exports": "./m.ts", "unstable": ["net"], "tasks": {}}';
  assertEquals(parseProject(text), { version: "1.0.0", entry: "./m.ts", unstable: ["net"] });
  assertEquals(parseProject('{"version": "1", "exports": "./m.ts"}').unstable, []);
});

Deno.test("parseProject() names what is missing", () => {
  assertThrows(() => parseProject('{"exports": "./m.ts"}'), Error, "version");
  assertThrows(() => parseProject('{"version": "1", "exports": {}}'), Error, "exports");
  assertThrows(() => parseProject("{"), SyntaxError);
});
