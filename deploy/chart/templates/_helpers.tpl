{{- define "pullsecret.selector" -}}
app.kubernetes.io/name: pullsecret
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pullsecret.labels" -}}
{{ include "pullsecret.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app: pullsecret-adapter
{{- end }}

{{- define "pullsecret.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The configuration file: what the chart knows, over what is given. */}}
{{- define "pullsecret.config" -}}
{{- $job := dict "image" (include "pullsecret.image" .) "imagePullPolicy" .Values.image.pullPolicy }}
{{- $given := dig "kubernetes" "job" (dict) .Values.config }}
{{- $job = merge (dict "namespace" .Release.Namespace) $given $job }}
{{- $kubernetes := merge (dict "job" $job) (dig "kubernetes" (dict) .Values.config) }}
{{- $health := merge (dict "port" 8080) (dig "health" (dict) .Values.config) }}
{{- $rollout := merge (dict "share" (float64 .Values.rollout.share)) .Values.rollout }}
{{- $known := dict "cluster" "kubernetes" "kubernetes" $kubernetes "health" $health "rollout" $rollout }}
{{- if not .Values.rbac.driftDetection }}
{{- $_ := set $known "drift" nil }}
{{- end }}
{{- merge $known .Values.config | toYaml }}
{{- end }}

{{/* Seconds from the signal to stop until the pod is killed: the adapter's own grace, and ten to close. */}}
{{- define "pullsecret.grace" -}}
{{- add (.Values.config.shutdownGrace | default 20 | ceil | int) 10 }}
{{- end }}
