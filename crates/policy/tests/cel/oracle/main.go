// The oracle of the conditions' tests: what the CEL of ValidatingAdmissionPolicy, cel-go with Kubernetes' libraries,
// makes of expressions. It reads JSON lines, {"name": …, "bindings": {…}} and {"name": …, "expression": …}, and answers
// each of the latter, in their order, with {"verdict": "true", "false", "error" or "refused", "why": …}.
// crates/policy/tests/it/conditions.rs builds and runs it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/cel-go/cel"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	plugin "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// Line is a line of the input.
type Line struct {
	Name       string          `json:"name"`
	Bindings   json.RawMessage `json:"bindings"`
	Expression string          `json:"expression"`
}

// Answer is a line of the output.
type Answer struct {
	Verdict string `json:"verdict"`
	Why     string `json:"why,omitempty"`
}

// Validation is an expression as a policy's `validations` have it.
type Validation struct {
	expression string
}

// GetExpression is its text.
func (v Validation) GetExpression() string { return v.expression }

// ReturnTypes are those that a policy accepts.
func (v Validation) ReturnTypes() []*cel.Type { return []*cel.Type{cel.BoolType} }

func main() {
	if err := answer(bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(in *bufio.Reader, out *json.Encoder) error {
	compiler := plugin.NewCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	bindings := map[string]map[string]interface{}{}
	for lines := json.NewDecoder(in); lines.More(); {
		line := Line{}
		if err := lines.Decode(&line); err != nil {
			return err
		}
		if line.Bindings == nil {
			if err := out.Encode(verdict(compiler, line.Expression, bindings[line.Name])); err != nil {
				return err
			}
			continue
		}
		// As the API server reads objects: a number is an int64 if it is written as one.
		read := map[string]interface{}{}
		if err := utiljson.Unmarshal(line.Bindings, &read); err != nil {
			return err
		}
		bindings[line.Name] = read
	}
	return nil
}

func verdict(compiler plugin.Compiler, expression string, bindings map[string]interface{}) Answer {
	// As a policy is looked at when it is written.
	compiled := compiler.CompileCELExpression(
		Validation{expression}, plugin.OptionalVariableDeclarations{}, environment.NewExpressions)
	if compiled.Error != nil {
		return Answer{"refused", compiled.Error.Detail}
	}
	value, _, err := compiled.Program.Eval(bindings)
	if err != nil {
		return Answer{"error", err.Error()}
	}
	return Answer{fmt.Sprint(value.Value()), ""}
}
