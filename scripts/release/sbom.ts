/** What a release is made of, as a CycloneDX 1.6 document: the same text for the same parts. @module */
import { createHash } from "node:crypto";
import type { ReleaseFile } from "./file.ts";
import type { LockedPackage } from "./lock.ts";

/** What the document tells. */
export interface Ingredients {
  readonly name: string;
  readonly version: string;
  /** SPDX id of the program's own license. */
  readonly license: string;
  /** When the sources were as they are: ISO 8601 with seconds. */
  readonly at: string;
  /** Of all packages of the lock. */
  readonly packages: readonly LockedPackage[];
  /** Keys of those that the program imports itself. */
  readonly imported: readonly string[];
  /** Keys of those that are in the program; the others are of tests and tools. */
  readonly shipped: ReadonlySet<string>;
  /** License of a package by its key, as its `package.json` says: an SPDX id or expression. */
  readonly licenses: ReadonlyMap<string, string>;
  readonly runtimeVersion: string;
  readonly files: readonly ReleaseFile[];
}

/** The document, with a new line at its end. */
export function sbomText(ingredients: Ingredients): string {
  const body = document(ingredients);
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(body))}`;
  const { bomFormat, specVersion, ...rest } = body;
  return `${JSON.stringify({ bomFormat, specVersion, serialNumber, ...rest }, undefined, 2)}\n`;
}

function document(ingredients: Ingredients) {
  const { name, version, license, at, packages, shipped, files } = ingredients;
  const root = `pkg:generic/${name}@${version}`;
  const sorted = [...packages].sort((a, b) => a.key < b.key ? -1 : 1);
  const runtimes = files.map((file) => runtimeComponent(file, ingredients.runtimeVersion));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: at,
      component: {
        "type": "application",
        "bom-ref": root,
        name,
        version,
        licenses: [{ license: { id: license } }],
        purl: root,
        components: files.map((file) => ({
          "type": "file",
          "bom-ref": file.name,
          name: file.name,
          hashes: [{ alg: "SHA-256", content: file.sha256 }],
        })),
      },
    },
    components: [
      ...sorted.map((each) => packageComponent(each, ingredients, shipped.has(each.key))),
      ...runtimes,
    ],
    dependencies: [
      {
        ref: root,
        dependsOn: [
          ...[...ingredients.imported].sort().map((key) => refOf(key, packages)),
          ...runtimes.map((runtime) => runtime["bom-ref"]),
        ],
      },
      ...sorted.map((each) => ({
        ref: purlOf(each),
        dependsOn: each.dependencies.map((key) => refOf(key, packages)),
      })),
    ],
  };
}

function packageComponent(
  locked: LockedPackage,
  { licenses }: Ingredients,
  isShipped: boolean,
) {
  const [scope, bare] = locked.name.startsWith("@")
    ? locked.name.split("/")
    : [undefined, locked.name];
  const license = licenses.get(locked.key);
  return {
    "type": "library",
    "bom-ref": purlOf(locked),
    ...(scope === undefined ? {} : { group: scope }),
    name: bare,
    version: locked.version,
    scope: isShipped ? "required" : "excluded",
    hashes: [{ alg: "SHA-512", content: locked.sha512 }],
    ...(license === undefined ? {} : { licenses: [licenseOf(license)] }),
    purl: purlOf(locked),
  };
}

function runtimeComponent({ machine, runtimeSha256 }: ReleaseFile, version: string) {
  const purl = purlOf({ name: machine.runtime, version });
  return {
    "type": "platform",
    "bom-ref": purl,
    name: "deno",
    version,
    description: `Deno, which runs the program, for Linux ${machine.title}`,
    scope: "required",
    hashes: [{ alg: "SHA-256", content: runtimeSha256 }],
    licenses: [{ license: { id: "MIT" } }],
    purl,
  };
}

/** One id, or an expression of several. */
function licenseOf(license: string) {
  return /[\s()]/.test(license) ? { expression: license } : { license: { id: license } };
}

function purlOf({ name, version }: Pick<LockedPackage, "name" | "version">): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function refOf(key: string, packages: readonly LockedPackage[]): string {
  const found = packages.find((each) => each.key === key);
  if (found === undefined) throw new Error(`Cannot find ${key} in deno.lock`);
  return purlOf(found);
}

/** A UUID of version 8, whose bits are of a digest of `text`: another one for other contents alone. */
function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6] ?? 0) & 0x0f | 0x80;
  bytes[8] = (bytes[8] ?? 0) & 0x3f | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
