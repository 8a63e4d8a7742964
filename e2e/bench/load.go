package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	connections = 8    // kept alive, each with one request at a time
	providers   = 1000 // who sign in by turns
	patience    = 20 * time.Second
)

// target is what a load is put on.
type target struct {
	address string // host:port on this machine
	host    string // what the request asks for
	path    string
	status  int // of every answer
}

// providerID numbers the requests of this program, so that providers take turns.
var providerID atomic.Int64

// request returns what a browser behind oauth2-proxy sends.
func (t target) request() string {
	return "GET " + t.path + " HTTP/1.1\r\nHost: " + t.host + "\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n" +
		"Cookie: _oauth2_proxy=" + strings.Repeat("x", 400) + "\r\nReferer: https://portal.example.com/\r\n" +
		"Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-Site: same-origin\r\nSec-Fetch-User: ?1\r\nX-Auth-Request-Email: jane.doe@example.com\r\n" +
		"X-Auth-Request-Groups: doctors,staff\r\nX-Auth-Request-Preferred-Username: Jane Doe\r\n" +
		"X-Auth-Request-User: p-" + strconv.FormatInt(providerID.Add(1)%providers, 10) + "\r\n\r\n"
}

// connection is a client's end of a kept-alive connection.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

func connect(address string) (*connection, error) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, reader: bufio.NewReader(c)}, nil
}

// ask sends a request, reads the whole answer, and returns how long that took.
func (c *connection) ask(t target) (time.Duration, error) {
	request := t.request()
	start := time.Now()
	if err := c.SetDeadline(start.Add(patience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	elapsed := time.Since(start)
	if err == nil && response.StatusCode != t.status {
		err = fmt.Errorf("%s%s: status %d, want %d", t.host, t.path, response.StatusCode, t.status)
	}
	return elapsed, err
}

// saturate sends count requests over all connections, each as soon as the one before it is answered.
func saturate(t target, count int) error {
	var wait sync.WaitGroup
	failures := make([]error, connections)
	for i := range connections {
		wait.Go(func() {
			c, err := connect(t.address)
			if err != nil {
				failures[i] = err
				return
			}
			defer func() { _ = c.Close() }()
			for range count / connections {
				if _, err := c.ask(t); err != nil {
					failures[i] = err
					return
				}
			}
		})
	}
	wait.Wait()
	return errors.Join(failures...)
}

// pace sends count requests at a steady rate per second, whatever the answers take, and returns how long each took.
func pace(t target, rate, count int) ([]time.Duration, error) {
	var wait sync.WaitGroup
	took := make([]time.Duration, count)
	failures := make([]error, count)
	idle := make(chan *connection, connections)
	for range connections {
		c, err := connect(t.address)
		if err != nil {
			return nil, err
		}
		defer func() { _ = c.Close() }()
		idle <- c
	}
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range count {
		<-tick.C
		due := time.Now()
		c := <-idle
		waited := time.Since(due)
		wait.Go(func() {
			took[i], failures[i] = c.ask(t)
			took[i] += waited
			idle <- c
		})
	}
	wait.Wait()
	return took, errors.Join(failures...)
}
