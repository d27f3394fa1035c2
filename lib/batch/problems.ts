/** What can be wrong with the requests of a batch, in OpenAI's words where it has some. @module */

/** One thing that is wrong; a batch with any is not begun. */
export interface BatchProblem {
  readonly code: BatchProblemCode;
  readonly message: string;
  /** The field at fault. */
  readonly param: string | null;
  /** From 1 on; null for the whole file. */
  readonly line: number | null;
}

/** What is wrong, for programs. */
export type BatchProblemCode =
  | "invalid_json_line"
  | "line_too_long"
  | "missing_required_parameter"
  | "invalid_parameter"
  | "invalid_method"
  | "url_mismatch"
  | "stream_not_supported"
  | "duplicate_custom_id"
  | "too_many_tasks"
  | "empty_file"
  | "file_unreadable";

/** What is wrong with one line. */
export type LineProblem = Omit<BatchProblem, "line">;

/** The problem `code`, of a field or of the whole. */
export function lineProblem(
  code: BatchProblemCode,
  message: string,
  param: string | null = null,
): LineProblem {
  return { code, message, param };
}
