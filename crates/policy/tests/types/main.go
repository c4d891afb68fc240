// The typed reader of the masks' tests: `types fill SEED` writes one object of every kind that client-go knows, with a
// value in every field, one JSON object a line. `types read` reads such lines from standard input into the same types
// and writes for each what is wrong with it, or an empty line. crates/policy/tests/it/typed.rs builds and runs it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := fmt.Errorf("say fill SEED, or read")
	switch {
	case len(os.Args) == 3 && os.Args[1] == "fill":
		err = fill(os.Args[2], out)
	case len(os.Args) == 2 && os.Args[1] == "read":
		err = read(bufio.NewReader(os.Stdin), out)
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fill(seed string, out *bufio.Writer) error {
	number, err := strconv.ParseInt(seed, 10, 64)
	if err != nil {
		return err
	}
	filler := fuzzer.FuzzerFor(metafuzzer.Funcs, rand.NewSource(number), scheme.Codecs).NilChance(0).NumElements(1, 1)
	// Some types hold themselves.
	filler.MaxDepth(24)
	encoder := json.NewEncoder(out)
	for _, kind := range kinds() {
		object, err := scheme.Scheme.New(kind)
		if err != nil {
			return err
		}
		filler.Fill(object)
		object.GetObjectKind().SetGroupVersionKind(kind)
		if err := encoder.Encode(object); err != nil {
			return fmt.Errorf("%v: %w", kind, err)
		}
	}
	return nil
}

// kinds are those that are objects: not options, not lists.
func kinds() []schema.GroupVersionKind {
	var kinds []schema.GroupVersionKind
	for kind := range scheme.Scheme.AllKnownTypes() {
		if object, err := scheme.Scheme.New(kind); err == nil && kind.Version != "__internal" {
			if _, named := object.(metav1.Object); named {
				kinds = append(kinds, kind)
			}
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].String() < kinds[j].String() })
	return kinds
}

func read(in *bufio.Reader, out *bufio.Writer) error {
	decoder := scheme.Codecs.UniversalDeserializer()
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		said := ""
		if _, _, err := decoder.Decode([]byte(line), nil, nil); err != nil {
			said = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if _, err := fmt.Fprintln(out, said); err != nil {
			return err
		}
	}
}
