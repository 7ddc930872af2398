// Command kstatus reads Kubernetes objects as JSON, one a line, and writes for each, on one line, what
// the library of Flux makes of its conditions: {"status":"Current","message":"…"}.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func judge(in io.Reader, out io.Writer) error {
	objects, verdicts := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var line json.RawMessage
		if err := objects.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an object: %w", err)
		}
		// Its own decoder, because whole numbers must not become floats.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(line); err != nil {
			return fmt.Errorf("decode an object: %w", err)
		}
		result, err := status.Compute(object)
		if err != nil {
			return fmt.Errorf("judge %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if err := verdicts.Encode(verdict{result.Status, result.Message}); err != nil {
			return fmt.Errorf("write a verdict: %w", err)
		}
	}
}

func main() {
	if err := judge(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}
