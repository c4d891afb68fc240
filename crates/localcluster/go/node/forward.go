package main

import (
	"context"
	"io"
	"net"
	"strconv"
)

// forwarder connects port-forward streams to ports of this host.
type forwarder struct {
	gone <-chan struct{}
}

// PortForward copies both ways. The end of one direction is passed on as a half-close; the connection is
// over when the host's side has ended or the caller has gone.
func (f forwarder) PortForward(_ context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer conn.Close()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-f.gone:
			_ = conn.Close()
		case <-done:
		}
	}()
	go func() {
		_, _ = io.Copy(conn, stream)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	_, err = io.Copy(stream, conn)
	return err
}
