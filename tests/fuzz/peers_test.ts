/** What reads notifications, files and addresses, with a fault planted in it: each is found. */
import { decode } from "@msgpack/msgpack";
import { parseNetwork } from "../../lib/base/mod.ts";
import { parseArgv } from "../../lib/cli/argv.ts";
import { parseConfigText } from "../../lib/config/mod.ts";
import { parseEngineUrl } from "../../lib/config/url.ts";
import { parseKeysFile } from "../../lib/doors/mod.ts";
import { privateKeyProblem } from "../../lib/tls/mod.ts";
import { readMessage } from "../../lib/gossip/message.ts";
import { decodeNotice } from "../../lib/zmq/mod.ts";
import { serveConnection } from "../../lib/zmq/zmtp_connection.ts";
import { ZmtpDecoder } from "../../lib/zmq/zmtp_decoder.ts";
import { addressesTarget, urlsTarget } from "../../scripts/fuzz/config/addresses.ts";
import { argvTarget } from "../../scripts/fuzz/config/argv.ts";
import { configFileTarget, keysFileTarget } from "../../scripts/fuzz/config/file.ts";
import { pemTarget } from "../../scripts/fuzz/config/pem.ts";
import { gossipTarget } from "../../scripts/fuzz/gossip/message.ts";
import { noticeTarget } from "../../scripts/fuzz/zmq/notice.ts";
import { zmtpPeerTarget, zmtpTarget } from "../../scripts/fuzz/zmq/zmtp.ts";
import { assertFound } from "./support.ts";

Deno.test("notice finds msgpack that is trusted, and ids without a bound", async () => {
  const trusting = noticeTarget((frames) => {
    decode(frames[0] ?? new Uint8Array(0));
    return decodeNotice(frames);
  });
  await assertFound(trusting, "throws");
  const hoard: Uint8Array[] = [];
  const hoarding = noticeTarget((frames) => {
    // Room for as many as are announced.
    if (frames[0]?.includes(0xdd) && hoard.length < 4) hoard.push(new Uint8Array(2 ** 25));
    return decodeNotice(frames);
  });
  await assertFound(hoarding, "large");
});

Deno.test("gossip finds a message that is taken in part", async () => {
  const broken = gossipTarget((message, sink) => {
    for (let end = message.length; end > 0; end--) {
      if (readMessage(message.subarray(0, end), sink) !== undefined) break;
    }
    return readMessage(message);
  });
  await assertFound(broken, "part");
});

Deno.test("zmtp finds a frame whose header is cut in two", async () => {
  const broken = zmtpTarget((sink) => {
    const decoder = new ZmtpDecoder(sink, { maxMessageBytes: 4096, maxFrames: 4 });
    return {
      get ready() {
        return decoder.ready;
      },
      take: (bytes) => bytes.length === 1 ? 1 : decoder.take(bytes),
    };
  });
  await assertFound(broken, "cuts");
});

Deno.test("zmtp-peer finds a connection that is left open", async () => {
  const broken = zmtpPeerTarget((stream, options) =>
    serveConnection({
      read: (buffer) => stream.read(buffer),
      write: (bytes) => stream.write(bytes),
      setKeepAlive: (keepAlive) => stream.setKeepAlive(keepAlive),
      close: () => {},
    }, options)
  );
  await assertFound(broken, "closed");
});

Deno.test("config-file and keys-file find a library's errors, and what tells a secret", async () => {
  await assertFound(configFileTarget((text) => ({ ok: true, value: JSON.parse(text) })), "throws");
  const telling = keysFileTarget((text) => {
    const result = parseKeysFile(text);
    return result.ok ? result : { ok: false, problem: `${result.problem}: ${text}` };
  });
  await assertFound(telling, "secret");
  const other = configFileTarget((text) => {
    const parsed = parseConfigText(text);
    return parsed.ok && text.startsWith("{") ? { ok: true, value: {} } : parsed;
  });
  await assertFound(other, "json");
});

Deno.test("argv finds a value that is lost", async () => {
  const broken = argvTarget((flags, argv) =>
    parseArgv(flags, argv.map((argument) => argument.replace(/^(--port)=.*/, "$1=1")))
  );
  await assertFound(broken, "joined");
});

Deno.test("addresses and urls find what others read in another way", async () => {
  const octal = addressesTarget({ network: (text) => parseNetwork(text.replace(/\/.*$/, "/7")) });
  await assertFound(octal, "again");
  const host = urlsTarget((text) => {
    const parsed = parseEngineUrl(text);
    return parsed.ok ? { ok: true, value: { ...parsed.value, url: `${text}/` } } : parsed;
  });
  await assertFound(host, "again");
});

Deno.test("pem finds what tells of a key", async () => {
  const broken = pemTarget({
    key: (pem) => privateKeyProblem(pem) === undefined ? undefined : `holds no key: ${pem}`,
  });
  await assertFound(broken, "secret");
});
