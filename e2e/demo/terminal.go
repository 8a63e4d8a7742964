package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// takeTerminal lets Ctrl-C reach this program and what it starts, and not make, which would call the stop an error. The
// function that it returns undoes that. Without a terminal both do nothing.
func takeTerminal() (giveBack func()) {
	terminal := int(os.Stdin.Fd())
	before, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	if err != nil || before != syscall.Getpgrp() { // no terminal, or it is somebody else's now
		return func() {}
	}
	signal.Ignore(syscall.SIGTTOU) // which a program in the background gets that asks for the terminal
	if syscall.Setpgid(0, 0) != nil {
		return func() {}
	}
	_ = unix.IoctlSetPointerInt(terminal, unix.TIOCSPGRP, syscall.Getpid())
	return func() { _ = unix.IoctlSetPointerInt(terminal, unix.TIOCSPGRP, before) }
}
