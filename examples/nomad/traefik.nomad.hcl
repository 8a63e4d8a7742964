# nomad job run traefik.nomad.hcl. These are the parts of Traefik's own job that Clinicpass needs.
job "traefik" {
  group "traefik" {
    network {
      port "http" { static = 80 }
      port "https" { static = 443 }
    }
    task "traefik" {
      driver = "docker"
      config {
        image        = "traefik:v3.7.13"
        network_mode = "host"
        args = [
          "--entryPoints.web.address=:80",
          "--entryPoints.web.http.redirections.entryPoint.to=websecure",
          "--entryPoints.websecure.address=:443",
          "--entryPoints.websecure.http.aliasHeadersStrategy=reject",
          "--providers.nomad.endpoint.address=http://127.0.0.1:4646",
          "--experimental.abortOnPluginFailure=true",
          "--experimental.plugins.clinicpass.moduleName=github.com/clinicpass/clinicpass",
          "--experimental.plugins.clinicpass.version=v0.1.0",
        ]
      }
      template {
        destination = "secrets/vsee_key"
        data        = "{{ with nomadVar \"nomad/jobs/traefik\" }}{{ .vsee_key }}{{ end }}"
      }
      env {
        # Clinicpass reads secrets only from folders that Traefik's operator allows.
        CLINICPASS_FILES = "/secrets"
      }
    }
  }
}
