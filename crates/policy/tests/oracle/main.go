// The oracle of the attributes corpus: reads request lines ("METHOD TARGET") from standard input and writes what
// the API server's own RequestInfo makes of each, one JSON object a line, in the same order.
//
//	go run . < ../corpus/accepted.txt > ../corpus/accepted.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// Attributes has the fields that `drawbridge explain --request` prints.
type Attributes struct {
	IsResourceRequest bool     `json:"isResourceRequest"`
	Path              string   `json:"path"`
	Verb              string   `json:"verb"`
	APIPrefix         string   `json:"apiPrefix"`
	APIGroup          string   `json:"apiGroup"`
	APIVersion        string   `json:"apiVersion"`
	Namespace         string   `json:"namespace"`
	Resource          string   `json:"resource"`
	Subresource       string   `json:"subresource"`
	Name              string   `json:"name"`
	Parts             []string `json:"parts"`
	FieldSelector     string   `json:"fieldSelector"`
	LabelSelector     string   `json:"labelSelector"`
	Error             string   `json:"error,omitempty"`
}

func main() {
	factory := request.RequestInfoFactory{
		APIPrefixes:          sets.NewString("api", "apis"),
		GrouplessAPIPrefixes: sets.NewString("api"),
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			if err := out.Encode(read(&factory, line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

func read(factory *request.RequestInfoFactory, line string) Attributes {
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + " HTTP/1.1\r\nHost: oracle\r\n\r\n")))
	if err != nil {
		return Attributes{Error: err.Error()}
	}
	info, err := factory.NewRequestInfo(req)
	if err != nil {
		return Attributes{Error: err.Error()}
	}
	parts := info.Parts
	if parts == nil {
		parts = []string{}
	}
	return Attributes{
		info.IsResourceRequest, info.Path, info.Verb, info.APIPrefix, info.APIGroup, info.APIVersion, info.Namespace,
		info.Resource, info.Subresource, info.Name, parts, info.FieldSelector, info.LabelSelector, "",
	}
}
