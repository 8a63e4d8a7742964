job "portal" {
  group "portal" {
    task "portal" {
      driver = "docker"
      config {
        labels = {
          "traefik.enable" = "true"
          "traefik.http.routers.clinic.rule" = "Host(`portal.example.com`) && (Path(`/clinic`) || PathPrefix(`/clinic/`))"
          "traefik.http.routers.clinic.middlewares" = "auth,clinic"
          "traefik.http.routers.clinic.service" = "noop@internal"
          "traefik.http.middlewares.auth.forwardauth.address" = "http://oauth2-proxy:4180/"
          "traefik.http.middlewares.auth.forwardauth.authresponseheaders" = "X-Auth-Request-User,X-Auth-Request-Email,X-Auth-Request-Preferred-Username"
          "traefik.http.middlewares.clinic.plugin.clinicpass.portal.url" = "https://vclinic.vseepreview.com/vc/next/"
          "traefik.http.middlewares.clinic.plugin.clinicpass.api.url" = "https://api-vclinic.vseepreview.com/vc/next/api_v3/"
          "traefik.http.middlewares.clinic.plugin.clinicpass.api.accountCode" = "vclinic"
          "traefik.http.middlewares.clinic.plugin.clinicpass.api.key" = "file:/secrets/vsee_key"
          "traefik.http.middlewares.clinic.plugin.clinicpass.identity.preset" = "oauth2-proxy"
        }
      }
    }
  }
}
