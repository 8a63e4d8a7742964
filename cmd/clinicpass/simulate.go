package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/clinicpass/clinicpass/vsee/vseetest"
)

type simulateCommand struct {
	Listen string `default:"127.0.0.1:8081" help:"Loopback address and port to listen on, by default 127.0.0.1:8081." placeholder:"HOST:PORT"`

	Delay      time.Duration `help:"Delay each answer of the API by this time, such as 2s." placeholder:"DURATION"`
	Fail       int           `help:"Answer every call of the API with this HTTP status." placeholder:"STATUS"`
	FailFirst  int           `help:"Fail only the first N calls. Needs --fail or --reset." placeholder:"N"`
	Reset      bool          `help:"Reset the connection of every call of the API."`
	NumericIDs bool          `name:"numeric-ids" help:"Return IDs as numbers."`
	NoRoomID   bool          `name:"no-room-id" help:"Return rooms without their ID."`
	UserType   bool          `name:"user-type" help:"Return the user's type with the token."`
	ListRooms  bool          `name:"list-rooms" help:"Return the user's rooms with the token."`
}

// Help is what --help prints below the summary.
func (*simulateCommand) Help() string {
	return `Prints the configuration for the simulated clinic, then one line for each request. Nothing in it is secret. Stop it with
Ctrl-C.

Examples:

  clinicpass simulate
  clinicpass simulate --delay 2s
  clinicpass simulate --fail 503 --fail-first 3

Exit codes:

  0  stopped
  2  the command could not run, such as for a port in use`
}

// Validate refuses what would fail later or make the simulation reachable from elsewhere.
func (c *simulateCommand) Validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %q is not HOST:PORT", c.Listen)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen: %s is not a loopback address, and the simulated credentials are public", host)
	}
	if c.Fail != 0 && (c.Fail < 300 || c.Fail > 599) {
		return fmt.Errorf("--fail: %d is not an HTTP status from 300 to 599", c.Fail)
	}
	if c.FailFirst < 0 || c.Delay < 0 {
		return fmt.Errorf("--fail-first and --delay must not be negative")
	}
	if c.FailFirst > 0 && c.Fail == 0 && !c.Reset {
		return fmt.Errorf("--fail-first needs --fail or --reset")
	}
	return nil
}

// Run serves until it is interrupted.
func (c *simulateCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return c.serve(ctx)
}

// serve serves until the context ends.
func (c *simulateCommand) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	clinic := c.clinic()
	clinic.URL = "http://" + listener.Addr().String()
	fmt.Printf(`The simulated clinic is running. Stop it with Ctrl-C.
Middleware configuration for it (nothing in it is secret):

  portal:
    url: %s
  api:
    url: %s
    accountCode: %s
    key: %s
    token: %s   # for waiting rooms

`, clinic.Portal(), clinic.API(), vseetest.AccountCode, vseetest.Key, vseetest.AdminToken)
	server := &http.Server{Handler: told(clinic), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// clinic returns the simulation with the faults that were asked for.
func (c *simulateCommand) clinic() *vseetest.Server {
	clinic := vseetest.NewUnstartedServer()
	clinic.SetQuirks(vseetest.Quirks{NumericIDs: c.NumericIDs, NoRoomID: c.NoRoomID, ListRoomsAtSignIn: c.ListRooms, TellUserType: c.UserType})
	fault := vseetest.Fault{Delay: c.Delay, Reset: c.Reset}
	if c.Fail != 0 {
		fault.Status = c.Fail
		fault.Body = fmt.Sprintf(`{"code": %d, "message": "Simulated failure."}`, c.Fail)
	}
	faults := make([]vseetest.Fault, c.FailFirst)
	for i := range faults {
		faults[i] = fault
	}
	clinic.Script(faults...)
	if c.FailFirst > 0 {
		fault = vseetest.Fault{Delay: c.Delay}
	}
	clinic.SetFault(fault)
	return clinic
}

// told prints a line for every request. Neither its query nor its headers are printed: they may hold a token.
func told(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(time.Now().Format("15:04:05"), r.Method, r.URL.EscapedPath())
		next.ServeHTTP(w, r)
	})
}
