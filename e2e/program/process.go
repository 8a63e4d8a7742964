package program

import (
	"bytes"
	"io"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const stopLimit = 10 * time.Second

// Process is a running program.
type Process struct {
	command *exec.Cmd
	log     *syncBuffer
	exited  chan struct{}
}

// Start starts a program and keeps what it writes; also, which may be nil, gets it too.
func Start(command *exec.Cmd, also io.Writer) (*Process, error) {
	p := &Process{command: command, log: &syncBuffer{also: also}, exited: make(chan struct{})}
	command.Stdout = p.log
	command.Stderr = p.log
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = command.Wait()
		close(p.exited)
	}()
	return p, nil
}

// StartGroup starts a program in a process group of its own, as a shell does with what somebody types.
func StartGroup(command *exec.Cmd, also io.Writer) (*Process, error) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return Start(command, also)
}

// Interrupt does what Ctrl-C does: it reaches the whole group of a program that StartGroup started. What does not end is killed.
func (p *Process) Interrupt() {
	_ = syscall.Kill(-p.ID(), syscall.SIGINT)
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		_ = syscall.Kill(-p.ID(), syscall.SIGKILL)
		<-p.exited
	}
}

// ID returns the operating system's number of the process.
func (p *Process) ID() int { return p.command.Process.Pid }

// Log returns what the program has written so far.
func (p *Process) Log() string { return p.log.String() }

// Exited is closed when the program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stop asks the program to end, and kills it when that takes too long.
func (p *Process) Stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

// Kill ends the program as a crash would.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.exited
}

// FreeAddress returns a loopback address where nobody listens.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// syncBuffer is a buffer that may be read while it is written.
type syncBuffer struct {
	mu      sync.Mutex
	content bytes.Buffer
	also    io.Writer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.also != nil {
		_, _ = b.also.Write(p)
	}
	return b.content.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}
