/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A device with Azure's SDK: node sdk_device.js OPTIONS, which are JSON: host, authority, keepalive;
// lifetime and margin of the tokens it makes, or a token of its own. Sends one message, then lives on.
// SIGUSR1: sends another one; SIGUSR2: closes the client.
const { Client, Message } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");
const fs = require("fs");

const options = JSON.parse(process.argv[2]);
const client = options.token
  ? Client.fromSharedAccessSignature(options.token, Mqtt)
  : Client.fromConnectionString(
      `HostName=${options.host};DeviceId=device;SharedAccessKey=c2VjcmV0`, Mqtt);

async function begin() {
  const settings = { ca: fs.readFileSync(options.authority, "utf8"), keepalive: options.keepalive };
  if (options.lifetime) {
    settings.tokenRenewal = {
      tokenValidTimeInSeconds: options.lifetime, tokenRenewalMarginInSeconds: options.margin };
  }
  await client.setOptions(settings);
  await client.open();
  await say("hello");
}

const say = (text) => client.sendEvent(new Message(text)).catch((error) => console.error(`${error}`));

client.on("error", (error) => console.error(`error: ${error}`));
process.on("SIGUSR1", () => say("hello again"));
process.on("SIGUSR2", () => client.close());
setInterval(() => {}, 3600000);
begin().catch((error) => console.error(`failed: ${error}`));
