package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// config prints the scripts as a patch of argocd-cm.
func config(root string) error {
	folders, err := kinds(root)
	if err != nil {
		return err
	}
	var out strings.Builder
	out.WriteString("data:\n")
	for _, kind := range folders {
		key := filepath.Base(filepath.Dir(kind)) + "_" + filepath.Base(kind)
		script, err := os.ReadFile(filepath.Join(kind, "health.lua"))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "  resource.customizations.health.%s: |\n%s", key, indent(4, script))
		script, err = os.ReadFile(filepath.Join(kind, "actions", "discovery.lua"))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "  resource.customizations.actions.%s: |\n", key)
		fmt.Fprintf(&out, "    discovery.lua: |\n%s    definitions:\n", indent(6, script))
		actions, err := filepath.Glob(filepath.Join(kind, "actions", "*", "action.lua"))
		if err != nil {
			return err
		}
		for _, action := range actions {
			script, err := os.ReadFile(action)
			if err != nil {
				return err
			}
			name := filepath.Base(filepath.Dir(action))
			fmt.Fprintf(&out, "    - name: %s\n      action.lua: |\n%s", name, indent(8, script))
		}
	}
	_, err = os.Stdout.WriteString(out.String())
	return err
}

func indent(spaces int, script []byte) string {
	var out strings.Builder
	for line := range strings.Lines(string(script)) {
		if line != "\n" {
			out.WriteString(strings.Repeat(" ", spaces))
		}
		out.WriteString(line)
	}
	return out.String()
}
