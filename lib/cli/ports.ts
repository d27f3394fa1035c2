/** What the commands use of the process; tests pass stand-ins. @module */
import type { Clock, Random } from "../base/mod.ts";
import type { FilesPort } from "./config_files.ts";
import type { NotedSignal, Signals } from "./signals.ts";
import type { AppendFile, Stdio } from "./stdio.ts";
import type { Terminal } from "./terminal.ts";

/** The process as the commands see it. */
export interface CliPorts {
  readonly stdio: Stdio;
  readonly clock: Clock;
  readonly random: Random;
  /** Value of an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Text of a file; throws as `Deno.readTextFileSync` does. */
  readonly readFile: (path: string) => string;
  /** The same without holding anything up. */
  readonly files: FilesPort;
  /**
   * Imports a module of the operator's by the path of its file, as `import()` does: once for each
   * `version`, which tells what the file says.
   */
  readonly importModule: (file: string, version?: string) => Promise<unknown>;
  /** All text of standard input. */
  readonly readStdin: () => Promise<string>;
  /** Open a file to write behind what is in it, made if there is none; throws as `Deno.openSync` does. */
  readonly openAppend: (path: string) => AppendFile;
  readonly terminal: Terminal;
  /** Write no file from here on, whatever was granted. */
  readonly forgoWriting: () => void;
  /** Begin to listen for signals: those that end nothing are told to `onNoted`, if it is given. */
  readonly signals: (onNoted?: (signal: NotedSignal) => void) => Signals;
}
