/* SPDX-License-Identifier: LGPL-2.1-or-later */
// As lookup.c, with Node.js: by c-ares (`resolve4`) or by the C library (`lookup`).
const dns = require('dns');

const [name, way] = process.argv.slice(2);
let left = 4;
function again() {
	if (left-- > 0) dns[way](name, () => setTimeout(again, 1200));
}
again();
