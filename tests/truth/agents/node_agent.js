/* SPDX-License-Identifier: LGPL-2.1-or-later */
// An MQTT agent by mqtt.js. Commands as README.md has them.
//
//     node node_agent.js ADDRESS PORT FIFO
'use strict'
const fs = require('fs')
const readline = require('readline')
const child = require('child_process')
const mqtt = require('mqtt')

const [address, port, fifo] = process.argv.slice(2)
const client = mqtt.connect(`mqtt://${address}:${port}`,
  { clientId: 'node', keepalive: 30, reconnectPeriod: 0, protocolVersion: 4 })

const exit = (status) => process.reallyExit(status)
const commands = {
  send: () => client.publish('t', 'x'),
  close: () => client.stream.destroy(),
  'give-up': () => client.stream.destroy(),
  goodbye: () => client.end(),
  abort: () => client.stream.resetAndDestroy(),
  exit: (status) => exit(+status),
  'give-up-exit': (status) => { client.stream.destroy(); setImmediate(() => exit(+status)) },
  'close-exit': (msec, status) => { client.stream.destroy(); setTimeout(exit, +msec, +status) },
  'abort-exit': (msec, status) => {
    client.stream.resetAndDestroy()
    setTimeout(exit, +msec, +status)
  },
  trap: () => process.abort(),
  hang: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  open: (path) => fs.closeSync(fs.openSync(path)),
  'helper-crash': () => child.spawn('sh', ['-c', 'kill -SEGV $$']),
  'helper-idle': () => child.spawn('sleep', ['30'])
}

process.on('SIGHUP', () => {})
process.on('SIGUSR2', () => {})
process.on('SIGINT', () => {})
process.on('SIGTERM', () => client.end(false, {}, () => exit(0)))
client.on('error', () => {})
client.on('connect', () => client.subscribe('t'))
readline.createInterface({ input: fs.createReadStream(fifo) }).on('line', (line) => {
  const [word, ...numbers] = line.split(' ')
  if (commands[word]) commands[word](...numbers)
})
setInterval(() => {}, 1 << 30)
