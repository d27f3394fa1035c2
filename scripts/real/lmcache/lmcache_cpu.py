"""LMCache's prefill/decode backend on vLLM's CPU backend, for tests with real engines.

LMCache 0.5.6 brings everything for a CPU engine but the copy between vLLM's paged KV cache and its
own contiguous chunks: `lmcache/v1/gpu_connector/__init__.py` ends in
`RuntimeError: No supported cpu connector found.`, and the engine then computes every prompt itself.
This module is that copy. All else stays LMCache's: the PD backend, its allocation and notification
sockets, NIXL, chunk hashing and the first token.

Use (no file of vLLM or LMCache is changed, nothing is installed):

    PYTHONPATH=scripts/real/lmcache vllm serve MODEL --kv-transfer-config '{
      "kv_connector": "LMCacheConnectorV1", "kv_connector_module_path": "lmcache_cpu", ...}'

vLLM then takes the class below in place of its own of that name
(`vllm/distributed/kv_transfer/kv_connector/factory.py`, `kv_connector_module_path`).

Layouts. vLLM keeps one tensor per layer, [blocks, kv heads, block size, 2 * head size], of which
`vllm/v1/attention/backends/cpu_attn.py` makes two parts per block and head: keys, then values. In its
"vec" form keys lie as [head size, block size] and values as [block size, head size]; `_probe` proves
that on the running machine before the first copy. A chunk of LMCache is KV_2LTD:
[2, layers, tokens, kv heads * head size].
"""

from __future__ import annotations

from typing import Any

import torch
from vllm.distributed.kv_transfer.kv_connector.v1 import lmcache_connector


def _parts(cache: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One layer's paged cache as keys [block, head, size, row] and values [block, head, row, size]."""
    blocks, heads, rows, width = cache.shape
    if not cache.is_contiguous():
        raise RuntimeError(f"Cannot copy a KV cache of strides {cache.stride()}: not contiguous")
    halves = cache.view(blocks, heads, 2, rows * width // 2)
    keys = halves[:, :, 0].unflatten(-1, (width // 2, rows))
    values = halves[:, :, 1].unflatten(-1, (rows, width // 2))
    return keys, values


def _probe(like: torch.Tensor) -> None:
    """Raises RuntimeError unless vLLM's own kernel writes tokens where `_parts` looks for them."""
    from vllm import _custom_ops
    from vllm.v1.attention.backends.cpu_attn import _get_attn_isa

    _, heads, rows, width = like.shape
    scratch = torch.zeros((2, heads, rows, width), dtype=like.dtype)
    tokens = torch.arange(rows * heads * width, dtype=torch.float32).to(like.dtype)
    key, value = tokens.view(rows, heads, width).split(width // 2, dim=2)
    kernel_keys, kernel_values = scratch.view(2, heads, rows * 2, -1).chunk(2, dim=2)
    form = _get_attn_isa(like.dtype, rows, width // 2)
    _custom_ops.cpu_attn_reshape_and_cache(
        key.contiguous(), value.contiguous(), kernel_keys, kernel_values,
        torch.arange(rows, 2 * rows), form,
    )
    keys, values = _parts(scratch)
    if not (
        torch.equal(keys[1].permute(2, 0, 1), key) and torch.equal(values[1].transpose(0, 1), value)
    ):
        raise RuntimeError(f"Cannot copy a KV cache of kernel form {form}: unknown layout")


def _connector(metadata: Any) -> Any:
    from lmcache.v1.gpu_connector.gpu_connectors import GPUConnectorInterface

    class CpuConnector(GPUConnectorInterface):
        """Copies tokens between vLLM's paged cache and LMCache's chunks, by `slot_mapping`."""

        def __init__(self) -> None:
            self.kvcaches: list[torch.Tensor] | None = None
            self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []

        def initialize_kvcaches_ptr(self, **kwargs: Any) -> None:
            caches = kwargs.get("kvcaches")
            if caches is None or self.kvcaches is not None:
                return
            _probe(caches[0])
            self.kvcaches = list(caches)
            self._layers = [_parts(cache) for cache in caches]

        def _slots(self, start: int, end: int, kwargs: dict[str, Any]) -> tuple[Any, Any]:
            self.initialize_kvcaches_ptr(**kwargs)
            assert self.kvcaches is not None
            slots = kwargs["slot_mapping"][start:end]
            rows = self.kvcaches[0].shape[2]
            return slots // rows, slots % rows

        def from_gpu(self, memory_obj: Any, start: int, end: int, **kwargs: Any) -> None:
            blocks, rows = self._slots(start, end, kwargs)
            chunk = memory_obj.tensor
            for layer, (keys, values) in enumerate(self._layers):
                chunk[0, layer] = keys[blocks, :, :, rows].flatten(1)
                chunk[1, layer] = values[blocks, :, rows].flatten(1)

        def to_gpu(self, memory_obj: Any, start: int, end: int, **kwargs: Any) -> None:
            # What vLLM has cached itself may be shared with a running request: left untouched.
            skip = min(end - start, max(0, kwargs.get("vllm_cached_tokens", 0) - start))
            blocks, rows = self._slots(start + skip, end, kwargs)
            chunk = memory_obj.tensor[:, :, skip:]
            for layer, (keys, values) in enumerate(self._layers):
                shape = (len(blocks), keys.shape[1], keys.shape[2])
                keys[blocks, :, :, rows] = chunk[0, layer].view(shape)
                values[blocks, :, rows] = chunk[1, layer].view(shape)

        def batched_from_gpu(
            self, memory_objs: Any, starts: Any, ends: Any, **kwargs: Any
        ) -> None:
            for memory_obj, start, end in zip(memory_objs, starts, ends, strict=True):
                self.from_gpu(memory_obj, start, end, **kwargs)

        def batched_to_gpu(
            self, memory_objs: Any = None, starts: Any = None, ends: Any = None, **kwargs: Any
        ) -> None:
            for memory_obj, start, end in zip(memory_objs, starts, ends, strict=True):
                self.to_gpu(memory_obj, start, end, **kwargs)

        def get_shape(self, num_tokens: int) -> torch.Size:
            return metadata.get_shapes(num_tokens)[0]

    return CpuConnector()


class LMCacheConnectorV1(lmcache_connector.LMCacheConnectorV1):
    """vLLM's connector of this name, with the CPU copy in place of LMCache's missing one."""

    def __init__(self, vllm_config: Any, role: Any, kv_cache_config: Any) -> None:
        from lmcache.v1 import gpu_connector

        # `lmcache/integration/vllm/vllm_service_factory.py` looks the name up when it needs it.
        gpu_connector.CreateGPUConnector = (
            lambda config, metadata, engine, layout_hints=None: _connector(metadata)
        )
        super().__init__(vllm_config, role, kv_cache_config)
