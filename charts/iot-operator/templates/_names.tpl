{{- define "iot-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "iot-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "iot-operator.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "iot-operator.lease" -}}
{{- .Values.leaderElection.leaseName | default (include "iot-operator.fullname" .) }}
{{- end }}

{{- define "iot-operator.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* A flag with address and port: list of the three. An IPv6 address is in brackets, and then the whole is quoted. */ -}}
{{- define "iot-operator.listen" -}}
{{- $flag := index . 0 }}{{ $address := index . 1 }}{{ $port := int (index . 2) -}}
{{- if contains ":" $address -}}
{{ printf "%s=[%s]:%d" $flag $address $port | quote }}
{{- else -}}
{{ printf "%s=%s:%d" $flag $address $port }}
{{- end }}
{{- end }}

{{- define "iot-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "iot-operator.labels" -}}
{{ include "iot-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What a binding names: dict of the context, kind and name. */ -}}
{{- define "iot-operator.binding" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
- kind: ServiceAccount
  name: {{ include "iot-operator.serviceAccount" .root }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
