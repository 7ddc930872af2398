// Command redis is the cache that Argo CD's parts share: miniredis, as Argo CD's own tests use it, on one
// loopback address, without a password and without a disk.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: redis ADDRESS:PORT")
		os.Exit(2)
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "redis:", err)
		os.Exit(1)
	}
	defer server.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	// miniredis lets no key expire by itself.
	tick := time.NewTicker(time.Second)
	for {
		select {
		case <-tick.C:
			server.FastForward(time.Second)
		case <-stop:
			return
		}
	}
}
