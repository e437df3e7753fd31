/* SPDX-License-Identifier: LGPL-2.1-or-later */
// As client.py, with Node.js, which verifies the certificate after the handshake.
const fs = require('fs');
const tls = require('tls');

const [authority, version, host, port] = process.argv.slice(2);
const options = { host, port, servername: 'hub.test', ca: fs.readFileSync(authority), timeout: 7000 };
if (version === '1.2') options.maxVersion = 'TLSv1.2';
const socket = tls.connect(options, () => socket.write('hello\n'));
socket.on('data', () => socket.end());
socket.on('timeout', () => socket.destroy());
socket.on('error', () => {});
