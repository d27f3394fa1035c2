/** What reads answers of engines, with a fault planted in it: each is found. */
import { RouterError } from "../../lib/base/mod.ts";
import { UsageScanner } from "../../lib/doors/usage_scanner.ts";
import { ENGINE_SERIES } from "../../lib/fleet/mod.ts";
import { SampleReader } from "../../lib/metrics/mod.ts";
import { ChunkedBody } from "../../lib/http1/mod.ts";
import {
  CompletionChunkReader,
  errorMessageOf,
  EventMerger,
  splittingPromptIds,
} from "../../lib/openai/mod.ts";
import { readBeginning } from "../../lib/request/engine_failure.ts";
import { SseDecoder } from "../../lib/sse/mod.ts";
import { countUncheckedIds } from "../../lib/tokenization/mod.ts";
import { answersTarget } from "../../scripts/fuzz/engine/answers.ts";
import { beginningTarget } from "../../scripts/fuzz/engine/beginning.ts";
import { chunksTarget, mergerTarget } from "../../scripts/fuzz/engine/chunks.ts";
import { idsTarget, tokenizedTarget } from "../../scripts/fuzz/engine/ids.ts";
import { responseTarget } from "../../scripts/fuzz/engine/response.ts";
import { sseTarget } from "../../scripts/fuzz/engine/sse.ts";
import { metricsTarget } from "../../scripts/fuzz/engine/metrics.ts";
import { usageTarget } from "../../scripts/fuzz/engine/usage.ts";
import { assertFound } from "./support.ts";

Deno.test("response finds a body whose framing depends on how it comes", async () => {
  const chunked = responseTarget({
    chunked: () => {
      const body = new ChunkedBody();
      return {
        get done() {
          return body.done;
        },
        take: (window) => {
          const part = body.take(window);
          return part?.subarray(0, Math.min(part.length, 7));
        },
        end: () => body.end(),
      };
    },
  });
  await assertFound(chunked, "cuts");
});

Deno.test("sse finds a line end that is cut in two, and views that are used too late", async () => {
  const cut = sseTarget((onComment) => {
    const decoder = new SseDecoder({ onComment });
    return {
      push: (bytes) => decoder.push(bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes),
      next: () => decoder.next(),
    };
  });
  await assertFound(cut, "cuts");
  const lines = sseTarget((onComment) => {
    const decoder = new SseDecoder({ onComment });
    return {
      push: (bytes) => decoder.push(bytes.map((byte) => byte === 0x0d ? 0x20 : byte)),
      next: () => decoder.next(),
    };
  });
  await assertFound(lines, "lines");
});

Deno.test("chunks and merger find an event that is taken for another", async () => {
  await assertFound(
    chunksTarget(() => {
      const reader = new CompletionChunkReader();
      return {
        read(data) {
          const event = reader.read(data);
          return event.kind === "text" && event.rawText.length > 2
            ? { kind: "text", rawText: event.rawText.subarray(1) }
            : event;
        },
      };
    }),
    "text",
  );
  await assertFound(
    mergerTarget(() => {
      const merger = new EventMerger(1, 2, { id: "merged", created: 2 });
      let seen = 0;
      return {
        read: (data) => seen++ > 1 ? { kind: "done" } : merger.read(data),
      };
    }),
    "event",
  );
});

Deno.test("answers finds a stack that is used up, and ids that are none", async () => {
  const message = (value: unknown): string | undefined => {
    const { error } = (value ?? {}) as { readonly error?: unknown };
    return error === undefined ? errorMessageOf(value) : message(error);
  };
  await assertFound(answersTarget({ message }), "throws RangeError");
  const split = function* (answer: Uint8Array): ReturnType<typeof splittingPromptIds> {
    const { promptIds, rest } = yield* splittingPromptIds(answer);
    return { promptIds: promptIds?.subarray(1), rest };
  };
  await assertFound(answersTarget({ split }), "ids");
  const endless = function* (answer: Uint8Array): ReturnType<typeof splittingPromptIds> {
    while (answer[0] === 0x5b) yield;
    return yield* splittingPromptIds(answer);
  };
  await assertFound(answersTarget({ split: endless }), "throws TooManySteps");
});

Deno.test("beginning finds bytes that are lost", async () => {
  const broken = beginningTarget(async (response) => {
    const { bytes, ...told } = await readBeginning(response);
    return { ...told, bytes: bytes?.subarray(1) };
  });
  await assertFound(broken, "bytes");
});

Deno.test("usage finds a name that is cut in two", async () => {
  const broken = usageTarget(() => {
    const scanner = new UsageScanner();
    return {
      push(bytes) {
        if (bytes.length > 1) scanner.push(bytes);
      },
      get tokens() {
        return scanner.tokens;
      },
    };
  });
  await assertFound(broken, "cuts");
});

Deno.test("metrics finds lines that are lost where they are cut, and figures that are none", async () => {
  const broken = metricsTarget(() => {
    const reader = new SampleReader(ENGINE_SERIES);
    return {
      *push(bytes) {
        if (bytes.length > 1) yield* reader.push(bytes);
      },
      end: () => reader.end(),
    };
  });
  await assertFound(broken, "cuts");
  const endless = metricsTarget(() => ({
    *push() {},
    end: () => new Map([["vllm:num_requests_running", { sum: Infinity, count: 1 }]]),
  }));
  await assertFound(endless, "sample");
});

Deno.test("ids and tokenized find lists that are counted wrong, and errors of another kind", async () => {
  const zeros = idsTarget((raw) =>
    countUncheckedIds(
      raw.map((byte, at) => byte === 0x30 && [0x2c, 0x5b].includes(raw[at - 1] ?? 0) ? 0x31 : byte),
    )
  );
  await assertFound(zeros, "count");
  const asks = [() => Promise.reject(new RouterError("internal", "planted"))];
  await assertFound(tokenizedTarget(asks), "code");
});
