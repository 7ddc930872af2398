package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// A script of Argo CD may run for a second.
const deadline = time.Second

// evaluate runs a script with `obj` as Argo CD does with scripts of argocd-cm: with the base functions, those
// of tables, and no more of the operating system than the time; and decodes what it returns.
func evaluate(script string, object any, result any) error {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		call := lua.P{Fn: state.NewFunction(open), Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return err
		}
	}
	state.PreloadModule(lua.OsLibName, func(s *lua.LState) int {
		s.Push(s.SetFuncs(s.NewTable(), map[string]lua.LGFunction{"date": date}))
		return 1
	})
	limited, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	state.SetContext(limited)
	state.SetGlobal("obj", luajson.DecodeValue(state, object))
	if err := state.DoString(script); err != nil {
		return err
	}
	value := state.Get(-1)
	if value.Type() != lua.LTTable {
		return fmt.Errorf("the script returns a %s, not a table", value.Type())
	}
	text, err := luajson.Encode(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

// date stands for the moment that the expected results of Argo CD's tests have.
func date(s *lua.LState) int {
	s.Push(lua.LString("0001-01-01T00:00:00"))
	return 1
}
