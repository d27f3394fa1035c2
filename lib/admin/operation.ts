/** What one operation of the admin API is: its route, its checks and its documentation in one record. @module */
import type { AdminAnswer, AdminAsk, AdminDeps } from "./admin_deps.ts";
import type { SchemaName } from "./schemas.ts";

/** Methods of the API; `HEAD` is answered as `GET`. */
export type AdminMethod = "GET" | "POST" | "PATCH" | "DELETE";

/** A parameter behind the path's `?`. */
export type QueryParameter =
  & { readonly name: string; readonly text: string }
  & (
    | { readonly type: "flag" }
    /** A number from `least` on, which is 0 unless it is said. */
    | { readonly type: "seconds"; readonly least?: number; readonly most: number }
    /** A whole number from 1 on. */
    | { readonly type: "count"; readonly most: number }
    | { readonly type: "choice"; readonly choices: readonly string[] }
    | { readonly type: "text" }
  );

/** One operation. */
export interface Operation {
  /** For metrics and generated clients. */
  readonly id: string;
  readonly method: AdminMethod;
  /** `{id}` stands for an id, percent-encoded as one segment. */
  readonly path: string;
  /**
   * What the id is.
   * @default an engine's
   */
  readonly idText?: string;
  readonly summary: string;
  readonly text?: string;
  readonly query?: readonly QueryParameter[];
  /** The form of the body; absent where none is read. */
  readonly body?: SchemaName;
  /** The answer where all goes well: JSON, or events whose data has that form. */
  readonly answer: {
    readonly status: number;
    readonly schema: SchemaName;
    readonly text: string;
    readonly events?: true;
  };
  /** Statuses of errors that are its own, besides those that any operation may answer. */
  readonly errors: Readonly<Record<number, string>>;
  /** Throws `RouterError`. */
  readonly run: (deps: AdminDeps, ask: AdminAsk) => AdminAnswer | Promise<AdminAnswer>;
}
