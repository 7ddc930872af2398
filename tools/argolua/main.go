// Command argolua tests the scripts for Argo CD that lie in a folder in the layout of Argo CD's own
// repository, resource_customizations/GROUP/KIND: health.lua by health_test.yaml, actions by
// actions/action_test.yaml, with the interpreter that Argo CD uses. With --config it prints them as the data
// of the ConfigMap argocd-cm instead.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"sigs.k8s.io/yaml"
)

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type healthTests struct {
	Tests []struct {
		InputPath    string `json:"inputPath"`
		HealthStatus health `json:"healthStatus"`
	} `json:"tests"`
}

type action struct {
	Name        string `json:"name,omitempty"`
	Disabled    bool   `json:"disabled"`
	DisplayName string `json:"displayName"`
	IconClass   string `json:"iconClass"`
}

type actionTests struct {
	DiscoveryTests []struct {
		InputPath string   `json:"inputPath"`
		Result    []action `json:"result"`
	} `json:"discoveryTests"`
	ActionTests []struct {
		Action             string `json:"action"`
		InputPath          string `json:"inputPath"`
		ExpectedOutputPath string `json:"expectedOutputPath"`
	} `json:"actionTests"`
}

// tally counts what was compared, and says what differs.
type tally struct{ done, failed int }

func (t *tally) compare(what string, want, got any, err error) {
	t.done++
	if err != nil {
		t.failed++
		fmt.Fprintf(os.Stderr, "FAILED: %s: %v\n", what, err)
	} else if !reflect.DeepEqual(want, got) {
		t.failed++
		fmt.Fprintf(os.Stderr, "FAILED: %s\n  want %v\n  got  %v\n", what, want, got)
	}
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// run evaluates a script with the object of a file.
func run(script, input string, result any) error {
	var object map[string]any
	if err := read(input, &object); err != nil {
		return err
	}
	text, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	return evaluate(string(text), object, result)
}

func testHealth(kind string, t *tally) error {
	var tests healthTests
	if err := read(filepath.Join(kind, "health_test.yaml"), &tests); err != nil {
		return err
	}
	for _, test := range tests.Tests {
		var got health
		input := filepath.Join(kind, test.InputPath)
		err := run(filepath.Join(kind, "health.lua"), input, &got)
		t.compare("health of "+input, test.HealthStatus, got, err)
	}
	return nil
}

func testActions(folder string, t *tally) error {
	var tests actionTests
	if err := read(filepath.Join(folder, "action_test.yaml"), &tests); err != nil {
		return err
	}
	for _, test := range tests.DiscoveryTests {
		want, got := map[string]action{}, map[string]action{}
		for _, one := range test.Result {
			name := one.Name
			one.Name = ""
			want[name] = one
		}
		input := filepath.Join(folder, test.InputPath)
		err := run(filepath.Join(folder, "discovery.lua"), input, &got)
		t.compare("actions of "+input, want, got, err)
		for name := range got {
			_, err := os.Stat(filepath.Join(folder, name, "action.lua"))
			t.compare("script of action "+name, nil, nil, err)
		}
	}
	for _, test := range tests.ActionTests {
		var want, got map[string]any
		if err := read(filepath.Join(folder, test.ExpectedOutputPath), &want); err != nil {
			return err
		}
		input := filepath.Join(folder, test.InputPath)
		err := run(filepath.Join(folder, test.Action, "action.lua"), input, &got)
		t.compare(test.Action+" of "+input, want, got, err)
	}
	return nil
}

// kinds lists the folders GROUP/KIND.
func kinds(root string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(root, "*", "*", "health.lua"))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no health.lua in %s", root)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found, err
}

func work(arguments []string) error {
	if len(arguments) == 2 && arguments[0] == "--config" {
		return config(arguments[1])
	}
	if len(arguments) != 1 {
		return fmt.Errorf("usage: argolua [--config] resource_customizations")
	}
	folders, err := kinds(arguments[0])
	if err != nil {
		return err
	}
	var t tally
	for _, kind := range folders {
		if err := testHealth(kind, &t); err != nil {
			return err
		}
		if err := testActions(filepath.Join(kind, "actions"), &t); err != nil {
			return err
		}
	}
	if t.failed > 0 {
		return fmt.Errorf("%d of %d tests failed", t.failed, t.done)
	}
	fmt.Printf("argolua: %d kinds, %d tests are good\n", len(folders), t.done)
	return nil
}

func main() {
	if err := work(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "argolua:", err)
		os.Exit(1)
	}
}
