/**
 * Files that clients store, and batches of requests in them: kept in a folder, answered one by one.
 *
 * Knows nothing of HTTP or of engines: whoever starts the batches says how a request is answered.
 * @module
 */
export type { LineEnd } from "./answer_line.ts";
export type { AskLine, LineAnswer, LineRequest } from "./asking.ts";
export type { BatchService } from "./batch_service.ts";
export { Batches, type BatchesOptions } from "./batches.ts";
export type { DiskReader } from "./disk.ts";
export type { FileListAsk, FileStore } from "./file_store.ts";
export { MultipartReader, type Part } from "./multipart.ts";
export { listObject, type Page, type PageAsk } from "./page.ts";
export { batchObject } from "./stored_batch.ts";
export { fileObject, UPLOAD_PURPOSES } from "./stored_file.ts";
