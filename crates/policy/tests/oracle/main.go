// The oracle of the attributes tests: reads request lines ("METHOD TARGET") from standard input and writes what the
// API server's own RequestInfo makes of each, one JSON object a line, in the same order. Whatever stands between two
// line feeds is a line. crates/policy/tests/it/oracle.rs builds and runs it.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"
)

// Answer has the fields that `drawbridge explain --request` prints, and two more for the tests.
type Answer struct {
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
	// Undecoded says that the query is no ListOptions: RequestInfo then guesses.
	Undecoded bool `json:"undecoded,omitempty"`
	// Error is set alone: the API server doesn't read the line either.
	Error string `json:"error,omitempty"`
}

func main() {
	if err := answer(bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(in *bufio.Reader, out *bufio.Writer) error {
	silence()
	// As k8s.io/apiserver's server.NewRequestInfoResolver has it.
	factory := request.RequestInfoFactory{
		APIPrefixes:          sets.NewString("api", "apis"),
		GrouplessAPIPrefixes: sets.NewString("api"),
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return out.Flush()
		}
		if err != nil && err != io.EOF {
			return err
		}
		if err := encoder.Encode(read(&factory, strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
}

// silence keeps RequestInfo from logging every query that doesn't decode.
func silence() {
	flags := flag.NewFlagSet("", flag.PanicOnError)
	klog.InitFlags(flags)
	_ = flags.Set("logtostderr", "false")
	_ = flags.Set("stderrthreshold", "FATAL")
	klog.SetOutput(io.Discard)
}

func read(factory *request.RequestInfoFactory, line string) Answer {
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + " HTTP/1.1\r\nHost: oracle\r\n\r\n")))
	if err != nil {
		return Answer{Error: err.Error()}
	}
	info, err := factory.NewRequestInfo(req)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	parts := info.Parts
	if parts == nil {
		parts = []string{}
	}
	return Answer{
		info.IsResourceRequest, info.Path, info.Verb, info.APIPrefix, info.APIGroup, info.APIVersion, info.Namespace,
		info.Resource, info.Subresource, info.Name, parts, info.FieldSelector, info.LabelSelector, undecoded(req), "",
	}
}

func undecoded(req *http.Request) bool {
	options := internalversion.ListOptions{}
	return scheme.ParameterCodec.DecodeParameters(req.URL.Query(), metav1.SchemeGroupVersion, &options) != nil
}
