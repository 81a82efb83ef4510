package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"connectrpc.com/connect"
)

// gate decides who gets in, before anything of a request's body is read.
type gate struct {
	tokens *Tokens
	errors *connect.ErrorWriter
}

func newGate(tokens *Tokens) *gate {
	return &gate{tokens: tokens, errors: connect.NewErrorWriter()}
}

// admit lets a request pass under its principal.
func (g *gate) admit(next http.Handler) http.Handler {
	if g.tokens == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		name, ok := g.tokens.principal(strings.TrimSpace(token))
		if !ok || !strings.EqualFold(scheme, "Bearer") {
			g.refuse(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(withPrincipal(r.Context(), name)))
	})
}

func (g *gate) refuse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="yardmaster"`)
	if g.errors.IsSupported(r) {
		_ = g.errors.Write(w, r, connect.NewError(connect.CodeUnauthenticated,
			errors.New("this server wants a token: give one with --token-file")))
		return
	}
	say(w, http.StatusUnauthorized, "this server wants a token")
}

// hosts refuses, when no token protects the server, what a web page could make a
// browser send under a name of its own that leads to loopback (DNS rebinding).
func (g *gate) hosts(next http.Handler) http.Handler {
	if g.tokens != nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopbackHost(r.Host) {
			say(w, http.StatusMisdirectedRequest, "without a token this server answers as localhost only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost reports whether host, with or without a port, names this machine.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// CheckListen says why a server must not listen on addr (HOST:PORT): without a
// token, only loopback is allowed.
func CheckListen(addr string, hasToken bool) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("api: %q is not HOST:PORT", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("api: %q is not a port", port)
	}
	if !hasToken && (host == "" || !loopbackHost(host)) {
		return fmt.Errorf("api: %s can be reached from other machines: listen on 127.0.0.1, or give --token-file", addr)
	}
	return nil
}
