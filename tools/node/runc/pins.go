//go:build tools

// Package runc pins the runc that build.sh compiles, so that `go mod tidy` keeps what it needs.
package runc

import _ "github.com/opencontainers/runc"
