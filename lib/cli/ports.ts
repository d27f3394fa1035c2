/** What the commands use of the process; tests pass stand-ins. @module */
import type { Clock, Random } from "../base/mod.ts";
import type { ByteStream, OwnCommand } from "../workers/mod.ts";
import type { FilesPort } from "./config_files.ts";
import type { NotedSignal, Signals } from "./signals.ts";
import type { AppendFile, Stdio } from "./stdio.ts";
import type { Terminal } from "./terminal.ts";

/** What several processes need. */
export interface WorkerPorts {
  /** What starts this program with `argv`; throws `RouterError` where nothing may. */
  readonly command: (argv: readonly string[]) => OwnCommand;
  /** A worker's end of the link. */
  readonly pipes: () => ByteStream;
  /** Start no program from here on, whatever was granted. */
  readonly forgo: () => void;
  /** How many processes can run at the same time. */
  readonly cores: () => number;
}

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
  /** Asks whoever is at the terminal: their line, or undefined at the end of it; absent where nobody is. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
  /** Write no file from here on, whatever was granted. */
  readonly forgoWriting: () => void;
  /** Several processes in place of one; absent where there cannot be more. */
  readonly workers?: WorkerPorts;
  /** Begin to listen for signals: those that end nothing are told to `onNoted`, if it is given. */
  readonly signals: (onNoted?: (signal: NotedSignal) => void) => Signals;
}
