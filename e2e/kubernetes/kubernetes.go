// Package kubernetes runs Kubernetes' API server with its etcd, which is all that Traefik's providers for Kubernetes ask: there
// is no node, and nothing is scheduled.
//
// The folder beside this file is a Go module that pins the version and repeats the replace lines of Kubernetes' own go.mod.
package kubernetes

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/clinicpass/clinicpass/e2e/program"
	"github.com/clinicpass/clinicpass/e2e/traefik"
)

const (
	version    = "v1.35.4"
	startLimit = 2 * time.Minute
)

// Build builds the API server and kubectl, and installs etcd where it is missing and that is possible. It writes to progress
// while it works.
func Build(progress io.Writer) error {
	if _, err := exec.LookPath("etcd"); err != nil {
		if err := program.Install(progress, "etcd-server"); err != nil {
			return fmt.Errorf("etcd must be in PATH: %w", err)
		}
	}
	for _, name := range []string{"kube-apiserver", "kubectl"} {
		if err := program.Build(program.Source{
			Name:    name + " " + version,
			Module:  filepath.Join(traefik.Root(), "e2e", "kubernetes", version),
			Package: "k8s.io/kubernetes/cmd/" + name,
			Binary:  binary(name),
		}, progress); err != nil {
			return err
		}
	}
	return nil
}

func binary(name string) string { return filepath.Join(traefik.Root(), ".bin", name) }

// Cluster is a running API server with its etcd.
type Cluster struct {
	URL string // of the API server
	CA  string // the file with its certificate authority

	dir          string
	etcd, server *program.Process
}

// Start runs etcd and the API server on loopback addresses, with their files in dir, and waits until the server is ready.
func Start(dir string) (*Cluster, error) {
	addresses := [3]string{}
	for i := range addresses {
		address, err := program.FreeAddress()
		if err != nil {
			return nil, err
		}
		addresses[i] = address
	}
	_, port, _ := strings.Cut(addresses[2], ":")
	c := &Cluster{URL: "https://" + addresses[2], CA: filepath.Join(dir, "apiserver.crt"), dir: dir}
	if err := c.writeCredentials(); err != nil {
		return nil, err
	}
	var err error
	if c.etcd, err = program.Start(exec.Command("etcd", "--data-dir", filepath.Join(dir, "etcd"),
		"--listen-client-urls", "http://"+addresses[0], "--advertise-client-urls", "http://"+addresses[0],
		"--listen-peer-urls", "http://"+addresses[1], "--initial-advertise-peer-urls", "http://"+addresses[1],
		"--initial-cluster", "default=http://"+addresses[1]), nil); err != nil {
		return nil, err
	}
	if c.server, err = program.Start(exec.Command(binary("kube-apiserver"), "--etcd-servers", "http://"+addresses[0],
		"--bind-address", "127.0.0.1", "--secure-port", port, "--advertise-address", "127.0.0.1", "--cert-dir", dir,
		"--endpoint-reconciler-type", "none", "--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC",
		"--token-auth-file", filepath.Join(dir, "tokens.csv"), "--service-account-issuer", "https://kubernetes.default.svc",
		"--service-account-key-file", filepath.Join(dir, "accounts.key"),
		"--service-account-signing-key-file", filepath.Join(dir, "accounts.key")), nil); err != nil {
		c.etcd.Stop()
		return nil, err
	}
	if err := c.waitUntilReady(); err != nil {
		c.Stop()
		return nil, fmt.Errorf("%w; the API server wrote:\n%s\nand etcd:\n%s", err, c.server.Log(), c.etcd.Log())
	}
	return c, nil
}

// writeCredentials writes the key that signs the tokens of service accounts, an administrator's token, and kubectl's configuration.
func (c *Cluster) writeCredentials() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	token := hex.EncodeToString(raw)
	config, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": []any{map[string]any{"name": "test", "cluster": map[string]any{"server": c.URL, "certificate-authority": c.CA}}},
		"users":    []any{map[string]any{"name": "admin", "user": map[string]any{"token": token}}},
		"contexts": []any{map[string]any{"name": "test", "context": map[string]any{"cluster": "test", "user": "admin"}}},
	})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"accounts.key": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"tokens.csv":   []byte(token + `,admin,admin,"system:masters"` + "\n"),
		"kubeconfig":   config,
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) waitUntilReady() error {
	var err error
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(250 * time.Millisecond) {
		select {
		case <-c.server.Exited():
			return errors.New("the API server ended")
		case <-c.etcd.Exited():
			return errors.New("etcd ended")
		default:
		}
		if _, err = c.Kubectl("", "get", "--raw", "/readyz"); err == nil {
			return nil
		}
	}
	return fmt.Errorf("the API server is not ready after %s: %w", startLimit, err)
}

// Kubectl runs kubectl as an administrator, with input as its standard input, and returns what it prints.
func (c *Cluster) Kubectl(input string, arguments ...string) (string, error) {
	command := exec.Command(binary("kubectl"), append([]string{"--kubeconfig", filepath.Join(c.dir, "kubeconfig")}, arguments...)...)
	command.Stdin = strings.NewReader(input)
	command.Env = append(os.Environ(), "HOME="+c.dir) // where kubectl keeps its cache
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(arguments, " "), err, complaint.String())
	}
	return string(output), err
}

// Apply applies manifests.
func (c *Cluster) Apply(manifests string) error {
	_, err := c.Kubectl(manifests, "apply", "-f", "-")
	return err
}

// Stop ends both processes.
func (c *Cluster) Stop() {
	c.server.Stop()
	c.etcd.Stop()
}
