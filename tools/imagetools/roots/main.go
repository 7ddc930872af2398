// Command roots prints the certificate authorities of Mozilla's list as PEM, for the image's CA bundle:
// pinned by go.sum, and the same on every machine that builds it.
package main

import (
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	for root := range bundle.Roots() {
		// Mozilla trusts these only until a date, which a PEM file cannot say.
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			fmt.Fprintln(os.Stderr, "cannot write a certificate:", err)
			os.Exit(1)
		}
	}
}
