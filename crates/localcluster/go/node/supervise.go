package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// supervise runs a command and ends it, with everything that it started, as soon as standard input reaches
// its end. The starter holds the other end of that pipe and never writes, so the end comes when the starter
// closes it or dies for whatever reason, kill -9 included. Should this watchdog be killed itself, the kernel
// kills the command (Linux).
//
// A starter that ends things in order writes one byte first. When it dies without, nobody is left to remove
// its temporary folder, so the watchdog removes the folder that --remove-after-death names.
func supervise(command []string) int {
	var remove string
	if len(command) > 0 {
		if folder, ok := strings.CutPrefix(command[0], "--remove-after-death="); ok {
			remove, command = folder, command[1:]
		}
	}
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
	asked := make(chan os.Signal, 2)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "drawbridge-node:", err)
		return 127
	}
	orphaned := make(chan bool, 1)
	go func() {
		count, _ := io.Copy(io.Discard, os.Stdin)
		orphaned <- count == 0
		asked <- syscall.SIGTERM
	}()
	go func() {
		<-asked
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}()
	_ = cmd.Wait()
	// What the command has started in groups of its own has become our child now, generation by generation.
	for attempt := 0; attempt < 200 && killChildren(); attempt++ {
		time.Sleep(5 * time.Millisecond)
	}
	select {
	case dead := <-orphaned:
		if dead && remove != "" {
			removeFolder(remove)
		}
	default:
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	return 128 + int(syscall.SIGKILL)
}

// removeFolder tries again for a while, because the other watchdogs' processes may still be writing.
func removeFolder(folder string) {
	for attempt := 0; attempt < 100; attempt++ {
		_ = os.RemoveAll(folder)
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
