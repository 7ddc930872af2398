{{- /* What the schema cannot say, or not in words that help. */ -}}
{{- define "iot-operator.checks" -}}
{{- $v := .Values }}
{{- if and (not $v.leaderElection.enabled) (gt (int $v.replicas) 1) }}
{{- fail (printf "replicas: %d needs leaderElection.enabled: true: without it all copies would work at once, and create products twice. Turn it on, or set replicas: 1" (int $v.replicas)) }}
{{- end }}
{{- range $v.watchNamespaces }}
{{- if not (and (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" .) (le (len .) 63)) }}
{{- fail (printf "watchNamespaces: %q is no name of a namespace. Write lower-case letters, digits and dashes, one name an entry; an empty list is all namespaces" .) }}
{{- end }}
{{- end }}
{{- if ne (len $v.watchNamespaces) (len (uniq $v.watchNamespaces)) }}
{{- fail "watchNamespaces: a namespace is named twice" }}
{{- end }}
{{- range $v.allowedEndpoints }}
{{- if or (contains "/" .) (contains "," .) (eq . "") }}
{{- fail (printf "allowedEndpoints: %q is no host. Write host names or globs without scheme, such as *.example.com, and a port other than 443 behind them, such as *.example.com:8443" .) }}
{{- end }}
{{- end }}
{{- $durations := dict
  "minResyncInterval" $v.minResyncInterval
  "secretCheckInterval" $v.secretCheckInterval
  "vendorTimeout" $v.vendorTimeout
  "reconcileTimeout" $v.reconcileTimeout
  "leaderElection.leaseDuration" $v.leaderElection.leaseDuration
  "leaderElection.renewInterval" $v.leaderElection.renewInterval
  "leaderElection.renewDeadline" $v.leaderElection.renewDeadline }}
{{- range $name, $value := $durations }}
{{- if not (regexMatch "^([0-9]+(h|m|s|ms))+$" $value) }}
{{- fail (printf "%s: %q is no duration. Write numbers and units, such as 30s, 10m or 1h30m" $name $value) }}
{{- end }}
{{- end }}
{{- if and $v.image.digest (not (regexMatch "^sha256:[0-9a-f]{64}$" $v.image.digest)) }}
{{- fail (printf "image.digest: %q is no digest. Write sha256: and 64 hexadecimal digits, or leave it empty and set image.tag" $v.image.digest) }}
{{- end }}
{{- if contains "@" $v.image.repository }}
{{- fail "image.repository: write the digest into image.digest" }}
{{- end }}
{{- if eq (int $v.metrics.port) (int $v.health.port) }}
{{- fail (printf "health.port: %d is metrics.port as well. Choose another: who may read metrics must not reach the probes" (int $v.health.port)) }}
{{- end }}
{{- if and $v.metrics.serviceMonitor.enabled (not $v.metrics.service) }}
{{- fail "metrics.serviceMonitor.enabled: true needs metrics.service: true, which it scrapes" }}
{{- end }}
{{- if and $v.rbac.aggregate (not $v.rbac.create) }}
{{- fail "rbac.aggregate: true needs rbac.create: true" }}
{{- end }}
{{- end }}
