import { shownKeys } from "../../lib/doors/credentials.ts";
import { assertEquals } from "../support/assert.ts";
import { headersOf } from "./support.ts";

const ROWS:
  readonly (readonly [fields: Readonly<Record<string, string>>, keys: readonly string[]])[] = [
    [{}, []],
    [{ authorization: "Bearer sk-a" }, ["sk-a"]],
    [{ authorization: "bearer   sk-a  " }, ["sk-a"]],
    [{ "x-api-key": " sk-b " }, ["sk-b"]],
    [{ authorization: "Bearer sk-a", "x-api-key": "sk-b" }, ["sk-a", "sk-b"]],
    [{ authorization: "Basic c2st", "x-api-key": "sk-b" }, ["sk-b"]],
    [{ authorization: "sk-a" }, []],
    [{ authorization: "Bearer" }, []],
    [{ authorization: "Bearer a b" }, []],
    [{ authorization: "Bearer a, Bearer b" }, []],
    [{ "x-api-key": "" }, []],
    [{ authorization: `Bearer${" ".repeat(60_000)}` }, []],
  ];

for (const [fields, keys] of ROWS) {
  Deno.test(`shownKeys() of ${JSON.stringify(fields).slice(0, 60)}`, () => {
    assertEquals(shownKeys(headersOf(fields)), keys);
  });
}
