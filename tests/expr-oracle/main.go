// Oracle evaluates Expr expressions with the engine the language is defined by.
//
// usage: oracle ENVIRONMENTS.json < cases.jsonl
//
// Every input line is {"env": NAME, "expr": EXPRESSION}; for each, in order, one line
// {"env", "expr", "outcome", "value", "type"} is written, and with -errors the engine's message as "error". Each is
// evaluated several times: "unstable" marks one that does not always answer the same (map order, the clock).
// The configuration is the one that yields the shared conformance cases: an environment decoded by encoding/json
// (every number is a float64), names unknown when compiling, all other options at their defaults.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/expr-lang/expr"
)

type testCase struct {
	Env        string `json:"env"`
	Expression string `json:"expr"`
}

type result struct {
	testCase
	Outcome string          `json:"outcome"`
	Type    string          `json:"type,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
	Error   string          `json:"error,omitempty"`

	Unstable bool `json:"unstable,omitempty"`
}

func (r result) differs(other result) bool {
	return r.Outcome != other.Outcome || r.Type != other.Type || !bytes.Equal(r.Value, other.Value)
}

const evaluations = 6

func evaluate(c testCase, environment map[string]any) result {
	program, err := expr.Compile(c.Expression)
	if err != nil {
		return result{testCase: c, Outcome: "compile_error", Error: err.Error()}
	}
	value, err := expr.Run(program, environment)
	if err != nil {
		return result{testCase: c, Outcome: "runtime_error", Error: err.Error()}
	}
	encoded, err := marshal(value)
	if err != nil {
		return result{testCase: c, Outcome: "unserialisable", Error: err.Error()}
	}
	return result{testCase: c, Outcome: "value", Type: fmt.Sprintf("%T", value), Value: encoded}
}

// marshal turns the panic that a value's own MarshalJSON may raise into an error.
func marshal(value any) (encoded []byte, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%v", reason)
		}
	}()
	return json.Marshal(value)
}

func run(environmentsFile string, withErrors bool) error {
	text, err := os.ReadFile(environmentsFile)
	if err != nil {
		return err
	}
	var environments map[string]map[string]any
	if err := json.Unmarshal(text, &environments); err != nil {
		return err
	}
	output := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		environment, known := environments[c.Env]
		if !known {
			return fmt.Errorf("no environment %q", c.Env)
		}
		answer := evaluate(c, environment)
		for again := 1; again < evaluations && !answer.Unstable; again++ {
			answer.Unstable = answer.differs(evaluate(c, environment))
		}
		if !withErrors {
			answer.Error = ""
		}
		if err := output.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	withErrors := flag.Bool("errors", false, "write the engine's messages too")
	flag.Parse()
	if err := run(flag.Arg(0), *withErrors); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
