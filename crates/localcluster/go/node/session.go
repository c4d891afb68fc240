package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// session is one exec or attach.
type session struct {
	directory string
	pod       string
	options   *remotecommand.Options
	gone      <-chan struct{}
}

// ExecInContainer runs a process of the host in the pod's folder. The process leads its own group; the group
// is killed when the process has ended, when the caller has gone, and (by the supervisor) when this program
// ends. So, unlike in a container, nothing that the command left in the background outlives the exec.
//
// A caller that goes while the process isn't reading what it was sent is not noticed until the process reads
// on, because the end of a connection comes after its data. A real node has the same limit.
func (s session) ExecInContainer(_ context.Context, _, _, _ string, command []string, in io.Reader,
	out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if len(command) == 0 {
		return fmt.Errorf("no command was given")
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = s.directory
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + s.directory, "HOSTNAME=" + s.pod, "LANG=C.UTF-8",
	}
	// The signal on the parent's death is bound to the thread that starts the process, so that thread has to
	// live as long as the process does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if tty {
		cmd.Env = append(cmd.Env, "TERM=xterm")
		return s.runInTerminal(cmd, in, out, resize)
	}
	return s.runWithPipes(cmd, in, out, errOut)
}

func (s session) runWithPipes(cmd *exec.Cmd, in io.Reader, out, errOut io.WriteCloser) error {
	cmd.SysProcAttr = ownGroup()
	var childEnds []io.Closer
	var copies sync.WaitGroup
	pipeTo := func(writer io.Writer) (*os.File, error) {
		reader, childEnd, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		childEnds = append(childEnds, childEnd)
		copies.Go(func() {
			_, _ = io.Copy(writer, reader)
			_ = reader.Close()
		})
		return childEnd, nil
	}
	var err error
	if s.options.Stdout {
		cmd.Stdout, err = pipeTo(out)
	}
	if err == nil && s.options.Stderr {
		cmd.Stderr, err = pipeTo(errOut)
	}
	if err == nil && s.options.Stdin {
		var childEnd, writer *os.File
		childEnd, writer, err = os.Pipe()
		if err == nil {
			childEnds = append(childEnds, childEnd)
			cmd.Stdin = childEnd
			// Not among the copies that are waited for: the caller may keep its stdin open after the process
			// has ended.
			go func() {
				_, _ = io.Copy(writer, in)
				_ = writer.Close()
			}()
		}
	}
	if err == nil {
		err = cmd.Start()
	}
	for _, end := range childEnds {
		_ = end.Close()
	}
	if err != nil {
		return notStarted(err)
	}
	err = s.wait(cmd)
	copies.Wait()
	return exitError(err)
}

func (s session) runInTerminal(cmd *exec.Cmd, in io.Reader, out io.Writer,
	resize <-chan remotecommand.TerminalSize) error {
	cmd.SysProcAttr = parentDeathSignal() // pty starts a session of its own, which is a group of its own too
	terminal, err := pty.Start(cmd)
	if err != nil {
		return notStarted(err)
	}
	go func() {
		for size := range resize {
			_ = pty.Setsize(terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
		}
	}()
	if s.options.Stdin {
		go func() {
			_, _ = io.Copy(terminal, in)
			_, _ = terminal.Write([]byte{4}) // a terminal's end of input is a character: Ctrl-D
		}()
	}
	var copies sync.WaitGroup
	if s.options.Stdout {
		copies.Go(func() { _, _ = io.Copy(out, terminal) })
	}
	err = s.wait(cmd)
	copies.Wait()
	_ = terminal.Close()
	return exitError(err)
}

// wait waits for the process and kills its group when it has ended or the caller has gone. With the group
// gone, the output pipes reach their end, however slowly the caller reads them.
func (s session) wait(cmd *exec.Cmd) error {
	group := cmd.Process.Pid
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-s.gone:
			_ = syscall.Kill(-group, syscall.SIGKILL)
		case <-done:
		}
	}()
	err := cmd.Wait()
	_ = syscall.Kill(-group, syscall.SIGKILL)
	return err
}

// notStarted gives the exit codes of a shell: 127 for a command that isn't there, 126 for one that can't
// run.
func notStarted(err error) error {
	code := 126
	if os.IsNotExist(err) || isNotFound(err) {
		code = 127
	}
	return utilexec.CodeExitError{Err: err, Code: code}
}

func isNotFound(err error) bool {
	lookup, ok := err.(*exec.Error)
	return ok && lookup.Err == exec.ErrNotFound
}

func exitError(err error) error {
	failed, ok := err.(*exec.ExitError)
	if !ok {
		return err
	}
	code := failed.ExitCode()
	if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return utilexec.CodeExitError{Err: failed, Code: code}
}

// AttachContainer greets, then sends back what it is sent until the end of input. Without input it stays
// until the caller goes, as a container that is running does.
func (s session) AttachContainer(_ context.Context, _, _, container string, in io.Reader,
	out, _ io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	if resize != nil {
		go func() {
			for range resize { // taken and dropped, so that the sender doesn't wait
			}
		}()
	}
	if s.options.Stdout {
		if _, err := fmt.Fprintf(out, "attached to %s/%s\n", s.pod, container); err != nil {
			return err
		}
	}
	if !s.options.Stdin || !s.options.Stdout {
		<-s.gone
		return nil
	}
	_, err := io.Copy(out, in)
	return err
}
