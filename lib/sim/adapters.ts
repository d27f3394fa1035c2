/** LoRA adapters that are loaded and unloaded while an engine runs. @module */
import { ApiError, badRequest } from "./api_error.ts";
import { servedModels } from "./core.ts";
import { answer, type Call } from "./inference.ts";
import { stringField } from "./sampling.ts";

/** `POST /v1/load_lora_adapter`; a path with `missing` in it is not there. */
export async function loadAdapter(call: Call): Promise<void> {
  const { body, core } = call;
  const name = stringField(body, "lora_name");
  const path = stringField(body, "lora_path");
  if (name === undefined || path === undefined) {
    throw badRequest("Both 'lora_name' and 'lora_path' must be provided.");
  }
  if (path.includes("missing")) {
    throw new ApiError(
      404,
      "NotFoundError",
      `Loading lora ${name} failed: No adapter found for ${path}`,
    );
  }
  if (servedModels(core).includes(name) && body["load_inplace"] !== true) {
    throw badRequest(`The lora adapter '${name}' has already been loaded.`);
  }
  core.adapters.set(name, path);
  await answer(call, JSON.stringify(`Success: LoRA adapter '${name}' added successfully.`));
}

/** `POST /v1/unload_lora_adapter`. */
export async function unloadAdapter(call: Call): Promise<void> {
  const { body, core } = call;
  const name = stringField(body, "lora_name");
  if (name === undefined) {
    throw badRequest("'lora_name' needs to be provided to unload a LoRA adapter.");
  }
  if (!core.adapters.delete(name)) {
    throw new ApiError(404, "NotFoundError", `The lora adapter '${name}' cannot be found.`);
  }
  await answer(call, JSON.stringify(`Success: LoRA adapter '${name}' removed successfully.`));
}
