//go:build tools

// Package imagetools pins what build.sh compiles, so that `go mod tidy` keeps what it needs.
package imagetools

import _ "github.com/opencontainers/umoci/cmd/umoci"
