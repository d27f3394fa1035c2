import { concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { withoutTokenIds } from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";

function without(json: string): string {
  return decodeUtf8(concatBytes(withoutTokenIds(encodeUtf8(json))));
}

Deno.test("withoutTokenIds() leaves null where ids were, and every other byte as it is", () => {
  const rows: readonly (readonly [string, string])[] = [
    [
      '{"id":"a", "choices":[{"text":"\\"token_ids\\":[1]","token_ids": [1, 2],"x":-1e-05}]}',
      '{"id":"a", "choices":[{"text":"\\"token_ids\\":[1]","token_ids": null,"x":-1e-05}]}',
    ],
    [
      '{"choices":[{"prompt_token_ids":[1],"text":"a","token_ids":[2]}],"usage":null}',
      '{"choices":[{"prompt_token_ids":null,"text":"a","token_ids":null}],"usage":null}',
    ],
    [
      '{"prompt_token_ids":[],"choices":[{"delta":{"token_ids":[5]}},{"token_ids":[1]}]}',
      '{"prompt_token_ids":null,"choices":[{"delta":{"token_ids":[5]}},{"token_ids":null}]}',
    ],
  ];
  for (const [told, expected] of rows) {
    assertEquals(without(told), expected);
    assertEquals(without(expected), expected);
  }
});

Deno.test("withoutTokenIds() leaves events as they are that tell none", () => {
  for (
    const json of [
      '{"choices":[]}',
      '{"choices":null}',
      "{}",
      '{"choices":[7]}',
      '{"token_ids":[1]}',
    ]
  ) {
    assertEquals(without(json), json);
  }
});
