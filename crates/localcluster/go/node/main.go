// Command drawbridge-node is the node of a local test cluster: the part of a kubelet's HTTPS API that
// kubectl exec, attach, port-forward, cp and logs reach through the API server. "Containers" are processes
// of this host, started in one folder per pod. It is for tests and demonstrations only: nothing is isolated.
//
// A path that a command names is a path of the host. Relative paths land in the pod's folder, so tests that
// use relative paths only ("kubectl cp file ns/pod:file") stay apart from each other without root or chroot.
//
// With "supervise" as its first argument it is the watchdog of one process instead; see supervise.go.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		os.Exit(supervise(os.Args[2:]))
	}
	var options serveOptions
	flag.StringVar(&options.listen, "listen", "", "address to serve on, such as 127.0.0.1:10250")
	flag.StringVar(&options.certificate, "tls-cert-file", "", "serving certificate (PEM)")
	flag.StringVar(&options.key, "tls-private-key-file", "", "key of the serving certificate (PEM)")
	flag.StringVar(&options.clientCA, "client-ca-file", "", "the CA of the callers' certificates (PEM)")
	flag.StringVar(&options.clientName, "client-name", "", "the one common name that may call")
	flag.StringVar(&options.directory, "directory", "", "where the pods' folders are")
	flag.Parse()
	if err := serve(options); err != nil {
		fmt.Fprintln(os.Stderr, "drawbridge-node:", err)
		os.Exit(1)
	}
}
