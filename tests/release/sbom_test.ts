import "ajv";
import "ajv-formats";
import "ajv-formats-draft2019";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import type { ReleaseFile } from "../../scripts/release/file.ts";
import { readIngredients } from "../../scripts/release/ingredients.ts";
import { MACHINES } from "../../scripts/release/machines.ts";
import { sbomText } from "../../scripts/release/sbom.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";

const ROOT = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

const FILES: readonly ReleaseFile[] = MACHINES.map((machine) => ({
  machine,
  name: `pd-router-1.2.3-linux-${machine.name}`,
  size: 44_000_000,
  sha256: "ab".repeat(32),
  runtimeSha256: "cd".repeat(32),
  glibc: "2.27",
}));

const REST = {
  version: "1.2.3",
  at: "2026-11-27T04:00:00Z",
  runtimeVersion: "2.9.6",
  files: FILES,
} as const;

Deno.test("sbomText() of this project is a CycloneDX 1.6 document, by its schema", async () => {
  const ingredients = await readIngredients(ROOT, "main.ts");
  const text = sbomText({ ...ingredients, ...REST });
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  assertEquals(await validator.validate(text), null);
  const wrong = { ...JSON.parse(text), components: [{ type: "library", nmae: "x" }] };
  assertNotEquals(await validator.validate(JSON.stringify(wrong)), null);

  const { components, dependencies, metadata } = JSON.parse(text);
  const scopes = new Map<string, string>(
    components.map(({ name, scope }: { readonly name: string; readonly scope: string }) => [
      name,
      scope,
    ]),
  );
  // What the program imports is in it; what tests alone import is not.
  assertEquals([scopes.get("zod"), scopes.get("zeromq")], ["required", "required"]);
  assertEquals([scopes.get("fast-check"), scopes.get("openai")], ["excluded", "excluded"]);
  assertEquals(metadata.component.components.length, MACHINES.length);
  const refs = new Set<string>([
    metadata.component["bom-ref"],
    ...components.map((each: Readonly<Record<string, unknown>>) => each["bom-ref"]),
  ]);
  assertEquals(refs.size, components.length + 1);
  for (const { ref, dependsOn } of dependencies) {
    for (const each of [ref, ...dependsOn]) assert(refs.has(each), each);
  }
  const unlicensed = components.filter(({ licenses }: { readonly licenses?: unknown }) =>
    licenses === undefined
  );
  assertEquals(unlicensed.map(({ name }: { readonly name: string }) => name), []);
});

Deno.test("sbomText() is the same for the same parts, and another document for others", () => {
  const parts = {
    ...REST,
    ...{ name: "pd-router", license: "Apache-2.0", packages: [], imported: [] },
    ...{ shipped: new Set<string>(), licenses: new Map<string, string>() },
  };
  const serial = (text: string): string => JSON.parse(text).serialNumber;
  assertEquals(sbomText(parts), sbomText({ ...parts }));
  assertNotEquals(serial(sbomText(parts)), serial(sbomText({ ...parts, version: "1.2.4" })));
  assert(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    .test(serial(sbomText(parts))));
});
