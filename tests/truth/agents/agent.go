/* SPDX-License-Identifier: LGPL-2.1-or-later */
// An MQTT agent by paho's client for Go. Commands as README.md has them.
//
//	agent ADDRESS PORT FIFO [AUTHORITY]
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// The library does not show its connection: the one descriptor that has a peer on the network.
func connection() int {
	for file := 3; file < 64; file++ {
		if peer, err := syscall.Getpeername(file); err == nil {
			if _, network := peer.(*syscall.SockaddrInet4); network {
				return file
			}
		}
	}
	return -1
}

func abort() {
	file := connection()
	syscall.SetsockoptLinger(file, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	syscall.Close(file)
}

func rest(milliseconds int) { time.Sleep(time.Duration(milliseconds) * time.Millisecond) }

// A nil pointer: the kernel sends SIGSEGV, and the runtime makes a panic of it that is recovered.
func fault() {
	defer func() { _ = recover() }()
	var nothing *[4]int
	nothing[1] = 2
}

func obey(client mqtt.Client, line string) {
	var word string
	var a, b int
	fmt.Sscan(line, &word, &a, &b)
	switch word {
	case "send":
		client.Publish("t", 0, false, "x")
	case "close", "give-up":
		syscall.Close(connection())
	case "goodbye":
		client.Disconnect(0)
	case "abort":
		abort()
	case "exit":
		os.Exit(a)
	case "give-up-exit":
		syscall.Close(connection())
		os.Exit(a)
	case "close-exit":
		syscall.Close(connection())
		rest(a)
		os.Exit(b)
	case "abort-exit":
		abort()
		rest(a)
		os.Exit(b)
	case "crash":
		go func() { var nothing *[4]int; nothing[1] = 2 }()
	case "trap":
		syscall.Kill(os.Getpid(), syscall.SIGABRT)
	case "fault":
		fault()
	case "helper-crash":
		exec.Command("sh", "-c", "kill -SEGV $$").Start()
	case "helper-idle":
		exec.Command("sleep", "30").Start()
	}
}

func trust(file string) *tls.Config {
	authority, _ := os.ReadFile(file)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{RootCAs: pool}
}

func main() {
	options := mqtt.NewClientOptions()
	if len(os.Args) > 4 {
		options.AddBroker("ssl://" + os.Args[1] + ":" + os.Args[2]).SetTLSConfig(trust(os.Args[4]))
	} else {
		options.AddBroker("tcp://" + os.Args[1] + ":" + os.Args[2])
	}
	options.SetClientID("go").SetAutoReconnect(false).SetKeepAlive(30 * time.Second)
	stop := make(chan os.Signal, 1)
	pass := make(chan os.Signal, 8)
	signal.Notify(stop, syscall.SIGTERM)
	signal.Notify(pass, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGINT)
	client := mqtt.NewClient(options)
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		fmt.Fprintln(os.Stderr, token.Error())
		os.Exit(1)
	}
	client.Subscribe("t", 0, nil)
	go func() {
		<-stop
		client.Disconnect(50)
		os.Exit(0)
	}()
	commands, err := os.Open(os.Args[3])
	if err != nil {
		os.Exit(1)
	}
	for lines := bufio.NewScanner(commands); lines.Scan(); {
		obey(client, strings.TrimSpace(lines.Text()))
	}
}
