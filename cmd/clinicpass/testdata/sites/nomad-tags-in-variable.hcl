locals {
  tags = concat(["traefik.enable=true"], [for k, v in var.m : "${k}=${v}"])
}
job "portal" {}
