{{/* Names, as the production-stack chart gives them. */}}
{{- define "pd.deployment" -}}{{ .Release.Name }}-deployment-router{{- end }}
{{- define "pd.service" -}}{{ .Release.Name }}-router-service{{- end }}
{{- define "pd.account" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (printf "%s-router-service-account" .Release.Name) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{/* What everything of the chart is labelled with, beside what it is selected by. */}}
{{- define "pd.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* What the router's pods are found by. */}}
{{- define "pd.routerSelector" -}}
app.kubernetes.io/name: pd-router
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* What the chart's own engines are found by. */}}
{{- define "pd.ownEngines" -}}
app.kubernetes.io/name: vllm
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* What the router finds its engines by, as a map in YAML; empty where it does not look for labels. */}}
{{- define "pd.engineLabels" -}}
{{- if .Values.engines.enabled -}}
{{ include "pd.ownEngines" . }}
{{- else if .Values.servingEngineSpec.labels -}}
{{ toYaml .Values.servingEngineSpec.labels }}
{{- else if .Values.servingEngineSpec.modelSpec -}}
{{- /* That chart's own, where a values file leaves them as they are. */ -}}
environment: test
release: test
{{- end -}}
{{- end }}

{{/* The same as --k8s-label-selector has it. */}}
{{- define "pd.engineSelector" -}}
{{- if .Values.routerSpec.k8sLabelSelector -}}
{{ .Values.routerSpec.k8sLabelSelector }}
{{- else -}}
{{- $pairs := list -}}
{{- range $name, $value := include "pd.engineLabels" . | fromYaml -}}
{{- $pairs = append $pairs (printf "%s=%s" $name $value) -}}
{{- end -}}
{{ join "," $pairs }}
{{- end -}}
{{- end }}

{{- define "pd.discovery" -}}{{ .Values.routerSpec.serviceDiscovery | default "k8s" }}{{- end }}

{{- define "pd.protocol" -}}
{{- if .Values.engines.enabled -}}{{ .Values.engines.connector }}{{- else -}}{{ .Values.routerSpec.kv.protocol }}{{- end -}}
{{- end }}

{{/* "yes" where LMCache's engines notify the router. */}}
{{- define "pd.notified" -}}
{{- $notified := eq (include "pd.protocol" .) "lmcache" -}}
{{- range .Values.routerSpec.extraArgs -}}
{{- if hasPrefix "--nixl-proxy-host" (toString .) -}}{{- $notified = true -}}{{- end -}}
{{- end -}}
{{- if $notified -}}yes{{- end -}}
{{- end }}

{{/* "yes" where several routers meet at a Redis. */}}
{{- define "pd.cluster" -}}
{{- if or .Values.routerSpec.cluster.url .Values.routerSpec.cluster.secretName -}}yes{{- end -}}
{{- end }}

{{/* Values that cannot be meant. */}}
{{- define "pd.check" -}}
{{- $router := .Values.routerSpec -}}
{{- if contains "lmstack-router" $router.repository -}}
{{- fail (printf "routerSpec.repository is %s, the production-stack router's image: name this router's" $router.repository) -}}
{{- end -}}
{{- $several := or (gt (int $router.replicaCount) 1) $router.autoscaling.enabled -}}
{{- if and $several (include "pd.notified" .) (not (or $router.kv.severalRouters (include "pd.cluster" .))) -}}
{{- fail "LMCache's prefill engines notify one router: with several, routerSpec.cluster says at which Redis they hand one another what is not theirs (or else routerSpec.replicaCount is 1, and autoscaling off)" -}}
{{- end -}}
{{- if and $router.cluster.url $router.cluster.secretName -}}
{{- fail "routerSpec.cluster has a url and a secretName: give one of them" -}}
{{- end -}}
{{- if and .Values.engines.enabled (not .Values.engines.model) -}}
{{- fail "engines.enabled needs engines.model" -}}
{{- end -}}
{{- if and .Values.engines.enabled (not (has .Values.engines.connector (list "lmcache" "nixl"))) -}}
{{- fail (printf "engines.connector is %s: it can be lmcache or nixl" .Values.engines.connector) -}}
{{- end -}}
{{- end }}
