/* SPDX-License-Identifier: LGPL-2.1-or-later */
// As client.py, with Node.js, which verifies the certificate after the handshake.
const fs = require('fs');
const net = require('net');
const tls = require('tls');

const [authority, version, host, port, end] = process.argv.slice(2);
const options = { servername: 'hub.test', ca: fs.readFileSync(authority), timeout: 7000 };
if (version === '1.2') options.maxVersion = 'TLSv1.2';
const plain = end === 'abort' ? net.connect({ host, port }) : null;
Object.assign(options, plain ? { socket: plain } : { host, port });

// As goodbye.py. Its goodbye is followed by a FIN.
const ends = {
  answer: () => {},
  later: () => setTimeout(() => socket.end(), 1300),
  abort: () => socket.end(() => plain.resetAndDestroy()),
};

const socket = tls.connect(options, () => socket.write('hello\n'));
socket.once('data', end ? ends[end] : () => socket.end());
socket.on('timeout', () => socket.destroy());
socket.on('error', () => {});
if (end) socket.on('close', () => setTimeout(() => {}, 2000));
