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
    /** A number from 0 on. */
    | { readonly type: "seconds"; readonly most: number }
  );

/** One operation. */
export interface Operation {
  /** For metrics and generated clients. */
  readonly id: string;
  readonly method: AdminMethod;
  /** `{id}` stands for an engine's id, percent-encoded as one segment. */
  readonly path: string;
  readonly summary: string;
  readonly text?: string;
  readonly query?: readonly QueryParameter[];
  /** The form of the body; absent where none is read. */
  readonly body?: SchemaName;
  /** The answer where all goes well. */
  readonly answer: { readonly status: number; readonly schema: SchemaName; readonly text: string };
  /** Statuses of errors that are its own, besides those that any operation may answer. */
  readonly errors: Readonly<Record<number, string>>;
  /** Throws `RouterError`. */
  readonly run: (deps: AdminDeps, ask: AdminAsk) => AdminAnswer | Promise<AdminAnswer>;
}
