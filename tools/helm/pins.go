//go:build tools

// Package helm pins the Helm that build.sh compiles, so that `go mod tidy` keeps what it needs.
package helm

import _ "helm.sh/helm/v4/pkg/cmd"
