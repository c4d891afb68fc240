//go:build !linux

package main

import "syscall"

func parentDeathSignal() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func adoptOrphans() {}

func killChildren() bool {
	return false
}
