/* SPDX-License-Identifier: LGPL-2.1-or-later */

// As client.py, with Go's own TLS.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"time"
)

func main() {
	authority, _ := os.ReadFile(os.Args[1])
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	config := &tls.Config{RootCAs: pool, ServerName: "hub.test"}
	if os.Args[2] == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	dialer := &net.Dialer{Timeout: 7 * time.Second}
	secure, err := tls.DialWithDialer(dialer, "tcp", net.JoinHostPort(os.Args[3], os.Args[4]), config)
	if err != nil {
		return
	}
	defer secure.Close()
	secure.SetDeadline(time.Now().Add(dialer.Timeout))
	secure.Write([]byte("hello\n"))
	secure.Read(make([]byte, 6))
}
