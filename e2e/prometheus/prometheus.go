// Package prometheus runs Debian's Prometheus, which scrapes Traefik and evaluates the rules of examples/monitoring.
package prometheus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/clinicpass/clinicpass/e2e/program"
)

// without names the variable that lets the tests be skipped where there is no Prometheus.
const without = "CLINICPASS_NO_PROMETHEUS"

// Find reports whether Prometheus is there.
func Find() error {
	for _, name := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(name); err != nil {
			return errors.New("no " + name + " in PATH: install it (Debian: apt-get install prometheus), or set " +
				without + "=1 to go without the tests of alerts and dashboard")
		}
	}
	return nil
}

// Excused reports whether the tests may be skipped where Prometheus is missing. CI has no excuse.
func Excused() bool { return os.Getenv(without) == "1" && os.Getenv("CI") != "true" }

// Prepare installs Prometheus where it is missing and that is possible.
func Prepare(progress io.Writer) error {
	if Find() != nil {
		if err := program.Install(progress, "prometheus"); err != nil {
			fmt.Fprintln(progress, err)
		}
	}
	return Find()
}

// Server is a running Prometheus.
type Server struct {
	// URL is its address, without a trailing slash.
	URL string

	*program.Process
}

// Start runs Prometheus with a configuration file on a free port. Its data are below dir.
func Start(file, dir string) (*Server, error) {
	address, err := program.FreeAddress()
	if err != nil {
		return nil, err
	}
	process, err := program.Start(exec.Command("prometheus", "--config.file="+file, "--web.listen-address="+address,
		"--storage.tsdb.path="+filepath.Join(dir, "data")), nil)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, Process: process}
	for range 200 {
		if response, err := http.Get(s.URL + "/-/ready"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	process.Stop()
	return nil, fmt.Errorf("waiting for Prometheus: not ready; it wrote: %s", process.Log())
}

// Sample is one element of an instant vector.
type Sample struct {
	Metric map[string]string
	Value  [2]any // time and text
}

// Query evaluates an expression now.
func (s *Server) Query(expression string) ([]Sample, error) {
	var data struct{ Result []Sample }
	err := s.get("query?query="+url.QueryEscape(expression), &data)
	return data.Result, err
}

// Alert is a pending or firing alert.
type Alert struct {
	Labels map[string]string
	State  string
}

// Alerts returns the alerts that are pending or firing.
func (s *Server) Alerts() ([]Alert, error) {
	var data struct{ Alerts []Alert }
	err := s.get("alerts", &data)
	return data.Alerts, err
}

func (s *Server) get(path string, data any) error {
	response, err := http.Get(s.URL + "/api/v1/" + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return errors.New("the query failed: " + answer.Error)
	}
	return nil
}
