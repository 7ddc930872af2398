// Command etcd is the ordinary etcd server: its module has no main package
// that can be built from the module registry.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
