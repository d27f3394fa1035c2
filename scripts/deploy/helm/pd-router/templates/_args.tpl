{{/* The router's arguments, a list in YAML: what is given last counts, so extraArgs win. */}}
{{- define "pd.args" -}}
{{- $router := .Values.routerSpec -}}
{{- $discovery := include "pd.discovery" . -}}
{{- $protocol := include "pd.protocol" . -}}
{{- $args := list "--host=0.0.0.0" (printf "--port=%d" (int $router.containerPort)) -}}
{{- $args = append $args (printf "--service-discovery=%s" $discovery) -}}
{{- if eq $discovery "k8s" -}}
{{-   $args = append $args (printf "--k8s-namespace=%s" .Release.Namespace) -}}
{{-   $args = append $args (printf "--k8s-service-discovery-type=%s" ($router.k8sServiceDiscoveryType | default "pod-ip")) -}}
{{-   with include "pd.engineSelector" . -}}
{{-     $args = append $args (printf "--k8s-label-selector=%s" .) -}}
{{-   end -}}
{{-   $port := ternary .Values.engines.port .Values.servingEngineSpec.containerPort .Values.engines.enabled -}}
{{-   if $port -}}
{{-     $args = append $args (printf "--k8s-port=%d" (int $port)) -}}
{{-   end -}}
{{- else if eq $discovery "static" -}}
{{-   $backends := required "serviceDiscovery static needs routerSpec.staticBackends" $router.staticBackends -}}
{{-   $models := required "serviceDiscovery static needs routerSpec.staticModels" $router.staticModels -}}
{{-   $args = concat $args (list (printf "--static-backends=%s" $backends) (printf "--static-models=%s" $models)) -}}
{{- end -}}
{{- $logic := $router.routingLogic | default (ternary "disaggregated_prefill" "roundrobin" .Values.engines.enabled) -}}
{{- $args = append $args (printf "--routing-logic=%s" $logic) -}}
{{- if $protocol -}}
{{-   $args = append $args (printf "--kv-protocol=%s" $protocol) -}}
{{- end -}}
{{- if eq $protocol "lmcache" -}}
{{-   $args = append $args "--nixl-proxy-host=0.0.0.0" -}}
{{-   $args = append $args (printf "--nixl-proxy-port=%d" (int $router.kv.port)) -}}
{{-   $args = append $args (printf "--nixl-first-token=%s" $router.kv.firstToken) -}}
{{- end -}}
{{- with $router.workers -}}
{{-   $args = append $args (printf "--workers=%v" .) -}}
{{- end -}}
{{- if include "pd.cluster" . -}}
{{-   with $router.cluster.url -}}
{{-     $args = append $args (printf "--cluster=%s" .) -}}
{{-   end -}}
{{-   $name := printf "%s:%s" .Release.Namespace .Release.Name | trunc 64 -}}
{{-   $args = append $args (printf "--cluster-name=%s" ($router.cluster.name | default $name)) -}}
{{- end -}}
{{- with $router.sessionKey -}}
{{-   $args = append $args (printf "--session-key=%s" .) -}}
{{- end -}}
{{- with $router.engineScrapeInterval -}}
{{-   $args = append $args (printf "--engine-stats-interval=%d" (int .)) -}}
{{- end -}}
{{- with $router.requestStatsWindow -}}
{{-   $args = append $args (printf "--request-stats-window=%d" (int .)) -}}
{{- end -}}
{{- range $name, $flag := dict "lmcacheControllerPort" "lmcache-controller-port" "lmcacheControllerReplyPort" "lmcache-controller-reply-port" "lmcacheControllerHeartbeatPort" "lmcache-controller-heartbeat-port" -}}
{{-   with index $router $name -}}
{{-     $args = append $args (printf "--%s=%d" $flag (int .)) -}}
{{-   end -}}
{{- end -}}
{{- with $router.otel -}}
{{-   if .endpoint -}}
{{-     $args = append $args (printf "--otel-endpoint=%s" .endpoint) -}}
{{-     $args = append $args (printf "--otel-service-name=%s" (.serviceName | default "vllm-router")) -}}
{{-     if .secure -}}{{- $args = append $args "--otel-secure" -}}{{- end -}}
{{-   end -}}
{{- end -}}
{{- $args = append $args (printf "--drain-delay=%d" (int $router.drain.delaySeconds)) -}}
{{- $args = append $args (printf "--drain-timeout=%d" (int $router.drain.timeoutSeconds)) -}}
{{- range $router.extraArgs -}}
{{-   $args = append $args (toString .) -}}
{{- end -}}
{{ toYaml $args }}
{{- end }}

{{/* A probe whose port is the container's. */}}
{{- define "pd.probe" -}}
{{- $probe := deepCopy .probe -}}
{{- $http := merge (dict "port" "router-cport") ($probe.httpGet | default dict) (dict "path" .path) -}}
{{ toYaml (set $probe "httpGet" $http) }}
{{- end }}
