//go:build tools

// Package argocd pins the Argo CD that build.sh compiles, so that `go mod tidy` keeps what it needs.
package argocd

import _ "github.com/argoproj/argo-cd/v3/util/argo"
