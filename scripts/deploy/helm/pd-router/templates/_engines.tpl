{{/* "7300,7301": a port for each rank, from the first one on. */}}
{{- define "pd.ports" -}}
{{- $ports := list -}}
{{- range $rank := until (int .ranks) -}}
{{- $ports = append $ports (printf "%d" (add (int $.first) $rank)) -}}
{{- end -}}
{{ join "," $ports }}
{{- end }}

{{/* vLLM's --kv-transfer-config: what one side has to be told so that the other, and the router, fit. */}}
{{- define "pd.transfer" -}}
{{- $engines := .root.Values.engines -}}
{{- if eq $engines.connector "nixl" -}}
{{ dict "kv_connector" "NixlConnector" "kv_role" "kv_both" | toJson }}
{{- else -}}
{{- /* Prompts below a chunk are moved, too. */ -}}
{{- $extra := dict "discard_partial_chunks" false "lmcache_rpc_port" .role -}}
{{- if eq .role "decode" -}}
{{- /* In P1 the first token's KV is the decode engine's to compute; in D1 all of the prompt's comes. */ -}}
{{- $_ := set $extra "skip_last_n_tokens" (ternary 1 0 (eq .root.Values.routerSpec.kv.firstToken "prefill")) -}}
{{- end -}}
{{- $kvRole := ternary "kv_producer" "kv_consumer" (eq .role "prefill") -}}
{{ dict "kv_connector" "LMCacheConnectorV1" "kv_role" $kvRole "kv_connector_extra_config" $extra | toJson }}
{{- end -}}
{{- end }}

{{/* LMCache's configuration by its variables: a pod's own address is in none of its files. */}}
{{- define "pd.lmcacheEnv" -}}
{{- $root := .root -}}
{{- $lmcache := $root.Values.engines.lmcache -}}
{{- $ranks := $root.Values.engines.tensorParallelSize -}}
# Equal on all engines: keys of KV are made with it.
- { name: PYTHONHASHSEED, value: "0" }
- { name: LMCACHE_ENABLE_PD, value: "true" }
- { name: LMCACHE_TRANSFER_CHANNEL, value: nixl }
- { name: LMCACHE_SAVE_UNFULL_CHUNK, value: "true" }
- { name: LMCACHE_LOCAL_CPU, value: "false" }
- { name: LMCACHE_CHUNK_SIZE, value: {{ printf "%d" (int64 $lmcache.chunkSize) | quote }} }
- { name: LMCACHE_PD_BUFFER_SIZE, value: {{ printf "%d" (int64 $lmcache.bufferBytes) | quote }} }
- { name: LMCACHE_PD_BUFFER_DEVICE, value: {{ $lmcache.bufferDevice }} }
{{- if eq .role "prefill" }}
- { name: LMCACHE_PD_ROLE, value: sender }
- { name: LMCACHE_PD_PROXY_HOST, value: {{ $root.Release.Name }}-router-kv }
- { name: LMCACHE_PD_PROXY_PORT, value: {{ $root.Values.routerSpec.kv.port | quote }} }
{{- else }}
- { name: LMCACHE_PD_ROLE, value: receiver }
- name: LMCACHE_PD_PEER_HOST
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
- { name: LMCACHE_PD_PEER_INIT_PORT, value: {{ include "pd.ports" (dict "ranks" $ranks "first" $lmcache.initPort) | quote }} }
- { name: LMCACHE_PD_PEER_ALLOC_PORT, value: {{ include "pd.ports" (dict "ranks" $ranks "first" $lmcache.allocPort) | quote }} }
{{- end }}
{{- end }}
