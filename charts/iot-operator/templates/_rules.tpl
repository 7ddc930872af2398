{{- /* What the operator does to objects of users, without lists or watches of Secrets. `cluster`: with
ClusterIotAccounts. docs/operations.md says which call needs what. */ -}}
{{- define "iot-operator.rules" -}}
# Manifests: watched, read anew before a creation; patched for the finalizer and the creation ledger.
- apiGroups: [iot-products.io]
  resources: [iotproducts]
  verbs: [get, list, watch, patch]
- apiGroups: [iot-products.io]
  resources: [iotaccounts{{ if .cluster }}, clusteriotaccounts{{ end }}]
  verbs: [get, list, watch, patch]
- apiGroups: [iot-products.io]
  resources: [iotproducts/status, iotaccounts/status{{ if .cluster }}, clusteriotaccounts/status{{ end }}]
  verbs: [patch]
# Credentials are read and held by a finalizer; output Secrets are created, mended and deleted.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]
{{- if .cluster }}
# The UID of kube-system is the owner id; the labels of a namespace decide whether a ClusterIotAccount admits it.
{{- else }}
# Whether the namespace is ending.
{{- end }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
  {{- if not .cluster }}
  resourceNames: [{{ .namespace }}]
  {{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
