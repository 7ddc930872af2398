//go:build tools

// Package definitions pins the source-controller whose definitions build.sh takes. Its program cannot be built: a module it needs
// is not to be had.
package definitions

import _ "github.com/fluxcd/source-controller"
