package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

const (
	// An idle stream is the caller's business; this only ends what was forgotten for most of a day.
	idleTimeout = 12 * time.Hour
	// The API server opens all streams of a SPDY session at once.
	streamCreationTimeout = 30 * time.Second
)

type serveOptions struct {
	listen, certificate, key, clientCA, clientName, directory string
}

func serve(options serveOptions) error {
	config, err := tlsConfig(options)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", options.listen)
	if err != nil {
		return err
	}
	node := &node{directory: options.directory}
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", node.exec)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", node.attach)
	mux.HandleFunc("/portForward/{namespace}/{pod}", node.portForward)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", node.logs)
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 30 * time.Second,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, goneKey{}, conn)
		},
	}
	fmt.Fprintln(os.Stderr, "drawbridge-node: serving on", listener.Addr())
	return server.Serve(watchedListener{tls.NewListener(listener, config)})
}

// tlsConfig lets in only the one caller that the cluster's CA has named: the API server. HTTP/2 is left out
// because upgraded streams need HTTP/1.1.
func tlsConfig(options serveOptions) (*tls.Config, error) {
	if options.clientName == "" || options.directory == "" {
		return nil, errors.New("--client-name and --directory are required")
	}
	certificate, err := tls.LoadX509KeyPair(options.certificate, options.key)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(options.clientCA)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", options.clientCA)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    authorities,
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		VerifyConnection: func(state tls.ConnectionState) error {
			if name := state.PeerCertificates[0].Subject.CommonName; name != options.clientName {
				return fmt.Errorf("%q may not call this node", name)
			}
			return nil
		},
	}, nil
}

type node struct {
	directory string
}

// A name as Kubernetes takes it for pods, namespaces and containers. What fails this never becomes a path.
var validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

// podDirectory is the folder of the request's pod. It answers the request itself when a name in it is no
// name.
func (n *node) podDirectory(w http.ResponseWriter, r *http.Request) (string, bool) {
	names := []string{r.PathValue("namespace"), r.PathValue("pod")}
	if container := r.PathValue("container"); container != "" {
		names = append(names, container)
	}
	for _, name := range names {
		if !validName.MatchString(name) {
			http.Error(w, fmt.Sprintf("%q is not a valid name", name), http.StatusBadRequest)
			return "", false
		}
	}
	return filepath.Join(n.directory, names[0]+"_"+names[1]), true
}

func (n *node) exec(w http.ResponseWriter, r *http.Request) {
	n.stream(w, r, func(s session, options *remotecommand.Options) {
		remotecommand.ServeExec(w, r, s, r.PathValue("pod"), "", r.PathValue("container"),
			r.URL.Query()["command"], options, idleTimeout, streamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	})
}

func (n *node) attach(w http.ResponseWriter, r *http.Request) {
	n.stream(w, r, func(s session, options *remotecommand.Options) {
		remotecommand.ServeAttach(w, r, s, r.PathValue("pod"), "", r.PathValue("container"),
			options, idleTimeout, streamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	})
}

// stream prepares what exec and attach share: the pod's folder, the options and the sign that the caller has
// gone.
func (n *node) stream(w http.ResponseWriter, r *http.Request, run func(session, *remotecommand.Options)) {
	directory, ok := n.podDirectory(w, r)
	if !ok {
		return
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	run(session{directory: directory, pod: r.PathValue("pod"), options: options, gone: gone(r)}, options)
}

func (n *node) portForward(w http.ResponseWriter, r *http.Request) {
	if _, ok := n.podDirectory(w, r); !ok {
		return
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, forwarder{gone: gone(r)}, r.PathValue("pod"), "",
		options, idleTimeout, streamCreationTimeout, portforward.SupportedProtocols)
}

type goneKey struct{}

// gone is closed when the request's connection has ended. The request's own context can't tell: net/http
// stops watching a connection once it is upgraded.
func gone(r *http.Request) <-chan struct{} {
	if conn, ok := r.Context().Value(goneKey{}).(*watchedConn); ok {
		return conn.gone
	}
	return r.Context().Done()
}

type watchedListener struct{ net.Listener }

func (l watchedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: conn, gone: make(chan struct{})}, nil
}

// watchedConn notices its own end: an error or EOF while reading or writing, or Close. It lies around the
// TLS connection, not below it: after TLS has said that it ends, nobody reads on to the end of the TCP
// connection. A read that ran into a deadline is no end (net/http interrupts its reads that way).
type watchedConn struct {
	net.Conn
	once sync.Once
	gone chan struct{}
}

func (c *watchedConn) Read(p []byte) (int, error) {
	count, err := c.Conn.Read(p)
	return count, c.note(err)
}

func (c *watchedConn) Write(p []byte) (int, error) {
	count, err := c.Conn.Write(p)
	return count, c.note(err)
}

func (c *watchedConn) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

func (c *watchedConn) note(err error) error {
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.once.Do(func() { close(c.gone) })
	}
	return err
}
