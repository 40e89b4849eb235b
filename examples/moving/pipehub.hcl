# A config of PipeHub: hosts, each with a handler that is a function of a Go module.
core {
  graceful-shutdown = "10s"

  http {
    server {
      listen {
        port = 8001
      }

      action {
        not-found = "base.NotFound"
        panic     = "base.Panic"
      }
    }

    client {
      max-conns-per-host      = 100
      idle-conn-timeout       = "1m30s"
      tls-handshake-timeout   = "5s"
      expect-continue-timeout = "1s"
      disable-compression     = true
    }
  }
}

# The module names the address of this host.
http "orders.example.org" {
  handler = "base.Default"
}

# Nothing but the Go code knows what becomes of this one.
http "*.shop.example.org" {
  handler = "tenant.Route"
}

tcp "127.0.0.1:8002" {
  handler = "base.Stream"
}

tcp "127.0.0.1:8003" {
  handler = "tenant.Stream"
}

pipe "github.com/pipehub/sample" {
  version = "v0.9.0"
  alias   = "base"

  config {
    endpoint {
      "orders.example.org" = "127.0.0.1:9101"
      "127.0.0.1:8002"     = "127.0.0.1:9201"
    }
  }
}

pipe "github.com/acme/tenant" {
  version = "v1.2.0"
  alias   = "tenant"

  config {
    header = "X-Tenant"
    known  = ["a", "b"]
  }
}
