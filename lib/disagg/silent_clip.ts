/** A moment of silence as a request to transcribe it. Pure. @module */
import { concatBytes, encodeUtf8 } from "../base/mod.ts";

const SAMPLE_RATE = 16_000;
/** A tenth of a second. */
const SAMPLES = SAMPLE_RATE / 10;
const SAMPLE_BYTES = 2;
const HEAD_BYTES = 44;

/** Stands in nothing that is sent. */
const BOUNDARY = "pd-router-check";

/** The request for `model`, as a form. */
export function silentClip(
  model: string,
): { readonly path: string; readonly contentType: string; readonly body: Uint8Array } {
  const field = (name: string, value: string): string =>
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; ` +
    'filename="silence.wav"\r\ncontent-type: audio/wav\r\n\r\n';
  return {
    path: "/v1/audio/transcriptions",
    contentType: `multipart/form-data; boundary=${BOUNDARY}`,
    body: concatBytes([
      encodeUtf8(field("model", model) + file),
      silence(),
      encodeUtf8(`\r\n--${BOUNDARY}--\r\n`),
    ]),
  };
}

/** A WAV file of one channel of 16 bits. */
function silence(): Uint8Array {
  const size = SAMPLES * SAMPLE_BYTES;
  const bytes = new Uint8Array(HEAD_BYTES + size);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string): void => bytes.set(encodeUtf8(word), at);
  text(0, "RIFF");
  view.setUint32(4, HEAD_BYTES - 8 + size, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, SAMPLE_RATE, true);
  view.setUint32(28, SAMPLE_RATE * SAMPLE_BYTES, true);
  view.setUint16(32, SAMPLE_BYTES, true);
  view.setUint16(34, SAMPLE_BYTES * 8, true);
  text(36, "data");
  view.setUint32(40, size, true);
  return bytes;
}
