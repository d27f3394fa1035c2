import { atOnce, concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { boundaryOf, isForm, scanningForm } from "../../lib/http/multipart.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const B = "xYz";

/** A body of CRLF lines, in whose place the test may put others. */
function body(text: string): Uint8Array {
  return encodeUtf8(text.replaceAll("\n", "\r\n"));
}

/** Name, file's name and content of each part. */
function read(bytes: Uint8Array, boundary = B): unknown {
  return atOnce(scanningForm(bytes, boundary)).map(({ name, fileName, start, end }) => [
    name,
    fileName,
    decodeUtf8(bytes.subarray(start, end)),
  ]);
}

function part(name: string, value: string, more = ""): string {
  return `--${B}\nContent-Disposition: form-data; name="${name}"${more}\n\n${value}\n`;
}

const WHOLE = `${part("a", "1")}${part("file", "\n--xY\n\n--xYzz\n-", '; filename="f"')}--${B}--`;

Deno.test("boundaryOf() reads plain and quoted boundaries, and takes no others", () => {
  const cases = [
    ["multipart/form-data; boundary=abc", "abc"],
    ['Multipart/Form-Data; charset=utf-8; Boundary="a b:c"', "a b:c"],
    [`multipart/form-data;boundary=${"x".repeat(70)}`, "x".repeat(70)],
  ] as const;
  for (const [type, boundary] of cases) assertEquals(boundaryOf(type), boundary);
  const none = [
    "",
    "application/json",
    "multipart/mixed; boundary=a",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary="a "',
    "multipart/form-data; boundary=a; boundary=b",
    'multipart/form-data; boundary="a;b"',
    `multipart/form-data; boundary=${"x".repeat(71)}`,
  ];
  for (const type of none) {
    const { code } = assertThrows(() => boundaryOf(type), RouterError);
    assertEquals(code, "bad-request", type);
  }
  assertEquals([isForm(" multipart/form-data;x"), isForm("multipart/form-data-x")], [true, false]);
});

Deno.test("scanningForm() finds parts between preamble and epilogue", () => {
  assertEquals(read(body(WHOLE)), [
    ["a", undefined, "1"],
    ["file", "f", "\r\n--xY\r\n\r\n--xYzz\r\n-"],
  ]);
  assertEquals(read(body(`to whom\nit may\n${WHOLE} concern\n--${B}\n`)), read(body(WHOLE)));
  assertEquals(read(body(`--${B}--`)), []);
  const blanks = WHOLE.replaceAll(`--${B}\n`, `--${B} \t \n`);
  assertEquals(read(body(blanks)), read(body(WHOLE)));
  const odd = `--${B}\nX: y\ncontent-disposition:form-data;name=é\n\n\n--${B}--`;
  assertEquals(read(body(odd)), [["é", undefined, ""]]);
});

Deno.test("scanningForm() takes bytes of files for no text", () => {
  const content = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 7919) >> 5);
  const head = body(`--${B}\nContent-Disposition: form-data; name="f"; filename="x"\n\n`);
  const bytes = concatBytes([head, content, body(`\n${part("model", "m")}--${B}--`)]);
  const [file, model] = atOnce(scanningForm(bytes, B));
  assert(file !== undefined && model !== undefined);
  assertEquals(bytes.subarray(file.start, file.end), content);
  assertEquals(decodeUtf8(bytes.subarray(model.start, model.end)), "m");
});

Deno.test("scanningForm() takes no form that is cut anywhere before its end", () => {
  const whole = body(WHOLE);
  for (let cut = 0; cut < whole.length; cut++) {
    const { code } = assertThrows(() => read(whole.subarray(0, cut)), RouterError, "ends");
    assertEquals(code, "bad-request", String(cut));
  }
});

Deno.test("scanningForm() takes no part that could be read in several ways", () => {
  const heads = [
    "",
    "Content-Type: text/plain",
    "Content-Disposition: attachment; name=a",
    "Content-Disposition: form-data",
    "Content-Disposition: form-data; name=a; name=b",
    "Content-Disposition: form-data; name=a; name*=UTF-8''model",
    "Content-Disposition: form-data; name=a\nContent-Disposition: form-data; name=model",
    "Content-Disposition: form-data;\n name=a",
    "Content-Disposition : form-data; name=a",
    "Content-Disposition: form-data; name=a\nodd",
  ];
  for (const head of heads) {
    const bytes = body(`--${B}\n${head}\n\nx\n--${B}--`);
    const { code } = assertThrows(() => read(bytes), RouterError, "has a part");
    assertEquals(code, "bad-request", head);
  }
});

Deno.test("scanningForm() bounds parts and their heads", () => {
  const many = part("a", "1").repeat(1_001);
  assertThrows(() => read(body(`${many}--${B}--`)), RouterError, "more than 1000 parts");
  assertEquals(
    atOnce(scanningForm(body(`${part("a", "1").repeat(1_000)}--${B}--`), B)).length,
    1_000,
  );
  const long = body(`--${B}\nX: ${"y".repeat(20_000)}\n\n1\n--${B}--`);
  assertThrows(() => read(long), RouterError, "more than 16384 bytes");
});

Deno.test("scanningForm() takes a time that grows with the body alone, in steps", () => {
  const beginning = `\r\n--${"-".repeat(69)}`;
  const bodies = [
    new Uint8Array(4 << 20).fill(0x0d),
    encodeUtf8(beginning.repeat(60_000)),
    encodeUtf8(`\r\n--${"-".repeat(70)}${" ".repeat(1_100)}`.repeat(4_000)),
  ];
  for (const bytes of bodies) {
    const work = scanningForm(bytes, "-".repeat(70));
    let steps = 0;
    const began = performance.now();
    assertThrows(() => {
      while (work.next().done !== true) steps++;
    }, RouterError);
    assert(steps >= bytes.length / 20_000, `${steps} steps`);
    assert(performance.now() - began < 2_000);
  }
});
