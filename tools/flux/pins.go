//go:build tools

// Package flux pins the kustomize-controller that build.sh compiles.
package flux

import _ "github.com/fluxcd/kustomize-controller/api/v1"
