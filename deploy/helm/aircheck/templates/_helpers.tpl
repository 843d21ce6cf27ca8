{{- define "aircheck.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "aircheck.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "aircheck.name" .) .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "aircheck.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "aircheck.selectorLabels" -}}
app.kubernetes.io/name: {{ include "aircheck.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "aircheck.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "aircheck.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "aircheck.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "aircheck.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "aircheck.isScaled" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) }}true{{ end }}
{{- end }}

{{/* What the chart decides, under LiveKit's egress values, under config. */}}
{{- define "aircheck.config" -}}
{{- $given := mergeOverwrite dict (deepCopy .Values.egress) (deepCopy .Values.config) -}}
{{- $http := dict "public_url" (printf "http://%s.%s.svc:%v" (include "aircheck.fullname" .) .Release.Namespace .Values.service.port) -}}
{{- if .Values.ingress.enabled -}}
{{- $_ := set $http "public_url" (printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host) -}}
{{- end -}}
{{- $made := dict "data_dir" "/var/lib/aircheck" "http" $http -}}
{{- if and (include "aircheck.isScaled" .) (not $given.database) -}}
{{- /* Each replica has its own database: a link could reach one that does not know the recording. */ -}}
{{- $_ := set $made "recording_urls" "location" -}}
{{- end -}}
{{- if .Values.secretsKey.existingSecret -}}
{{- $_ := set $made "secrets_key_file" "/etc/aircheck/secrets/secrets.key" -}}
{{- end -}}
{{ toYaml (mergeOverwrite $made $given) }}
{{- end }}
