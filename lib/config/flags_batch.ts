/** Flags of files and batches. @module */
import type { FlagGroup } from "./flag.ts";

/** Where files are kept, how much of them, and how batches are answered. */
export const BATCH_FLAGS = {
  title: "Files and batches",
  flags: [
    {
      name: "enable-batch-api",
      type: "flag",
      help: "Serve /v1/files and /v1/batches: files are kept, and batches of requests in them " +
        "answered when there is time",
    },
    {
      name: "file-storage-class",
      type: "string",
      choices: ["local_file"],
      default: "local_file",
      help: "How files are kept",
    },
    {
      name: "file-storage-path",
      type: "folder",
      default: "/tmp/vllm_files",
      help:
        "Folder of files and of the database of batches, of one router alone; made where there " +
        "is none. Put it where it outlives the router",
    },
    {
      name: "batch-processor",
      type: "string",
      choices: ["local"],
      default: "local",
      help: "What answers batches",
    },
    {
      name: "batch-concurrency",
      type: "int",
      default: 16,
      range: [1, 4_096],
      help: "Requests of batches under way at once; they go behind those of clients",
    },
    {
      name: "max-file-bytes",
      type: "int",
      default: 512 * 1024 * 1024,
      range: [1, 2 ** 40],
      help: "Largest file that is stored, in bytes",
    },
    {
      name: "max-storage-bytes",
      type: "int",
      default: 16 * 1024 * 1024 * 1024,
      range: [1, 2 ** 50],
      help:
        "All files and results of batches, in bytes; beyond it no file is stored, and batches " +
        "wait",
    },
  ],
} as const satisfies FlagGroup;
