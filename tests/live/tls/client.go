/* SPDX-License-Identifier: LGPL-2.1-or-later */

// As client.py, with Go's own TLS.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"time"
)

const (
	dialPatience = 7 * time.Second
	patience     = 15 * time.Second
	quiet        = 1300 * time.Millisecond
	lifeAfter    = 2 * time.Second
)

func main() {
	authority, _ := os.ReadFile(os.Args[1])
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	config := &tls.Config{RootCAs: pool, ServerName: "hub.test"}
	if os.Args[2] == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	dialer := &net.Dialer{Timeout: dialPatience}
	secure, err := tls.DialWithDialer(dialer, "tcp", net.JoinHostPort(os.Args[3], os.Args[4]), config)
	if err != nil {
		return
	}
	secure.SetDeadline(time.Now().Add(patience))
	secure.Write([]byte("hello\n"))
	secure.Read(make([]byte, 6))
	if len(os.Args) == 6 {
		end(secure, os.Args[5])
	} else {
		secure.Close()
	}
}

// As goodbye.py.
func end(secure *tls.Conn, how string) {
	if how == "later" {
		time.Sleep(quiet)
	}
	if how != "answer" {
		secure.CloseWrite()
	}
	if how == "abort" {
		secure.NetConn().(*net.TCPConn).SetLinger(0)
		secure.NetConn().Close()
	} else {
		io.Copy(io.Discard, secure)
		secure.Close()
	}
	time.Sleep(lifeAfter)
}
