/* SPDX-License-Identifier: LGPL-2.1-or-later */

// As lookup.c, with Go's own resolver, which the build tag netgo asks for.
package main

import (
	"context"
	"net"
	"os"
	"time"
)

func main() {
	for i := 0; i < 4; i++ {
		_, _ = net.DefaultResolver.LookupHost(context.Background(), os.Args[1])
		time.Sleep(1200 * time.Millisecond)
	}
}
