/** Streams that are read up to somewhere, and then to the end. @module */
import { must } from "./check.ts";

/** A stream of which something was read. */
export interface ReadStream {
  /** What has come. */
  readonly begun: string;
  /** What follows, to the end. */
  rest(): Promise<string>;
}

/** Read `count` events. */
export async function readEvents(response: Response, count: number): Promise<ReadStream> {
  must(response.status === 200 && response.body !== null, `status ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("\n\n").length <= count) {
    const { done, value } = await reader.read();
    must(!done, `the stream ended in ${JSON.stringify(text)}`);
    text += value;
  }
  return {
    begun: text,
    rest: async () => {
      let more = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return more;
        more += value;
      }
    },
  };
}

/** The text of a stream of completions, which must hold no error and end as streams do. */
export function textOfEvents(stream: string): string {
  const events = stream.split("\n\n").filter((event) => event.startsWith("data: "))
    .map((event) => event.slice("data: ".length));
  must(events.at(-1) === "[DONE]", `the stream ended in ${events.at(-1)}`);
  return events.slice(0, -1).map((event) => {
    const { error, choices = [] } = JSON.parse(event);
    must(error === undefined, `the stream has an error: ${event}`);
    return choices[0]?.text ?? "";
  }).join("");
}
