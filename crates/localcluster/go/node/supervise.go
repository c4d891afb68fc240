package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// supervise runs a command and ends it, with everything that it started, as soon as standard input reaches its end.
// The starter holds the other end of that pipe and never writes, so the end comes when the starter closes it or dies
// for whatever reason, kill -9 included. Should this watchdog be killed itself, the kernel kills the command (Linux).
func supervise(command []string) int {
	if len(command) == 0 {
		fmt.Fprintln(os.Stderr, "drawbridge-node: supervise needs a command")
		return 2
	}
	// The signal on the parent's death is bound to the thread that starts the process: stay on this one.
	runtime.LockOSThread()
	adoptOrphans()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = ownGroup()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "drawbridge-node:", err)
		return 127
	}
	go func() {
		over := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(over)
		}()
		select {
		case <-over:
		case <-asked:
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}()
	_ = cmd.Wait()
	// What the command has started in groups of its own has become our child now, generation by generation.
	for attempt := 0; attempt < 200 && killChildren(); attempt++ {
		time.Sleep(5 * time.Millisecond)
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	return 128 + int(syscall.SIGKILL)
}
