#!/bin/sh
# Puts the clinic's router and middlewares into Consul. Every Traefik with providers.consul reads them. For the access log and
# metrics of a router with noop@internal, set accessLog.addInternals and metrics.addInternals.
# Clinicpass logs a warning at startup until you prove the identity: docs/install.md#prove-the-identity
set -eu
consul kv put 'traefik/http/routers/clinic/rule' 'Host(`portal.example.com`) && (Path(`/clinic`) || PathPrefix(`/clinic/`))'
consul kv put 'traefik/http/routers/clinic/entryPoints/0' 'websecure'
consul kv put 'traefik/http/routers/clinic/tls' 'true'
consul kv put 'traefik/http/routers/clinic/middlewares/0' 'auth'
consul kv put 'traefik/http/routers/clinic/middlewares/1' 'clinic'
consul kv put 'traefik/http/routers/clinic/service' 'noop@internal'
# Sign-in and callback of oauth2-proxy, without the auth middleware.
consul kv put 'traefik/http/routers/oauth2/rule' 'Host(`portal.example.com`) && PathPrefix(`/oauth2/`)'
consul kv put 'traefik/http/routers/oauth2/entryPoints/0' 'websecure'
consul kv put 'traefik/http/routers/oauth2/tls' 'true'
consul kv put 'traefik/http/routers/oauth2/service' 'oauth2-proxy'
consul kv put 'traefik/http/services/oauth2-proxy/loadbalancer/servers/0/url' 'http://oauth2-proxy:4180'
consul kv put 'traefik/http/middlewares/auth/forwardauth/address' 'http://oauth2-proxy:4180/'
consul kv put 'traefik/http/middlewares/auth/forwardauth/authresponseheaders/0' 'X-Auth-Request-User'
consul kv put 'traefik/http/middlewares/auth/forwardauth/authresponseheaders/1' 'X-Auth-Request-Email'
consul kv put 'traefik/http/middlewares/auth/forwardauth/authresponseheaders/2' 'X-Auth-Request-Preferred-Username'
consul kv put 'traefik/http/middlewares/auth/forwardauth/authresponseheaders/3' 'X-Auth-Request-Groups'
consul kv put 'traefik/http/middlewares/auth/forwardauth/authresponseheaders/4' 'X-Auth-Request-Given-Name'
consul kv put 'traefik/http/middlewares/auth/forwardauth/authresponseheaders/5' 'X-Auth-Request-Family-Name'
consul kv put 'traefik/http/middlewares/clinic/plugin/clinicpass/portal/url' 'https://vclinic.vseepreview.com/vc/next/'
consul kv put 'traefik/http/middlewares/clinic/plugin/clinicpass/api/url' 'https://api-vclinic.vseepreview.com/vc/next/api_v3/'
consul kv put 'traefik/http/middlewares/clinic/plugin/clinicpass/api/accountCode' 'vclinic'
consul kv put 'traefik/http/middlewares/clinic/plugin/clinicpass/api/key' 'file:/run/secrets/vsee_key'
consul kv put 'traefik/http/middlewares/clinic/plugin/clinicpass/identity/preset' 'oauth2-proxy'
consul kv put 'traefik/http/middlewares/clinic/plugin/clinicpass/identity/headers/firstName' 'X-Auth-Request-Given-Name'
consul kv put 'traefik/http/middlewares/clinic/plugin/clinicpass/identity/headers/lastName' 'X-Auth-Request-Family-Name'
