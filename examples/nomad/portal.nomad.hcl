# nomad job run portal.nomad.hcl. Traefik's Nomad provider reads the tags of the portal's service.
# Traefik's own job (traefik.nomad.hcl) has the key at /secrets/vsee_key, and allows that folder with CLINICPASS_FILES.
# Clinicpass logs a warning at startup until you prove the identity: docs/install.md#prove-the-identity
job "portal" {
  group "portal" {
    network {
      port "http" { to = 8080 }
    }
    service {
      name     = "portal"
      provider = "nomad"
      port     = "http"
      tags = [
        "traefik.enable=true",
        "traefik.http.routers.clinic.rule=Host(`portal.example.com`) && (Path(`/clinic`) || PathPrefix(`/clinic/`))",
        "traefik.http.routers.clinic.entrypoints=websecure",
        "traefik.http.routers.clinic.tls=true",
        "traefik.http.routers.clinic.middlewares=auth,clinic",
        "traefik.http.routers.clinic.service=portal",
        "traefik.http.middlewares.auth.forwardauth.address=http://oauth2-proxy:4180/",
        "traefik.http.middlewares.auth.forwardauth.authresponseheaders=X-Auth-Request-User,X-Auth-Request-Email,X-Auth-Request-Preferred-Username,X-Auth-Request-Groups,X-Auth-Request-Given-Name,X-Auth-Request-Family-Name",
        "traefik.http.middlewares.clinic.plugin.clinicpass.portal.url=https://vclinic.vseepreview.com/vc/next/",
        "traefik.http.middlewares.clinic.plugin.clinicpass.api.url=https://api-vclinic.vseepreview.com/vc/next/api_v3/",
        "traefik.http.middlewares.clinic.plugin.clinicpass.api.accountCode=vclinic",
        "traefik.http.middlewares.clinic.plugin.clinicpass.api.key=file:/secrets/vsee_key",
        "traefik.http.middlewares.clinic.plugin.clinicpass.identity.preset=oauth2-proxy",
        "traefik.http.middlewares.clinic.plugin.clinicpass.identity.headers.firstName=X-Auth-Request-Given-Name",
        "traefik.http.middlewares.clinic.plugin.clinicpass.identity.headers.lastName=X-Auth-Request-Family-Name",
        "traefik.http.routers.portal.rule=Host(`portal.example.com`)",
        "traefik.http.routers.portal.entrypoints=websecure",
        "traefik.http.routers.portal.tls=true",
        "traefik.http.routers.portal.middlewares=auth",
        "traefik.http.routers.portal.service=portal",
        "traefik.http.services.portal.loadbalancer.server.scheme=http",
      ]
    }
    task "portal" {
      driver = "docker"
      config {
        image = "registry.example.com/portal:1"
        ports = ["http"]
      }
    }
  }
  group "oauth2-proxy" {
    network {
      port "http" { to = 4180 }
    }
    service {
      name     = "oauth2-proxy"
      provider = "nomad"
      port     = "http"
      tags = [ # sign-in and callback, without the auth middleware
        "traefik.enable=true",
        "traefik.http.routers.oauth2.rule=Host(`portal.example.com`) && PathPrefix(`/oauth2/`)",
        "traefik.http.routers.oauth2.entrypoints=websecure",
        "traefik.http.routers.oauth2.tls=true",
        "traefik.http.routers.oauth2.service=oauth2",
        "traefik.http.services.oauth2.loadbalancer.server.scheme=http",
      ]
    }
    task "oauth2-proxy" {
      driver = "docker"
      config {
        # The flags, configuration and secrets are those of ../docker/compose.yml.
        image = "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6"
        ports = ["http"]
      }
    }
  }
}
