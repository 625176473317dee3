// Reads {"secret", "headers", "body"} and says whether a receiver takes the message: with the
// library where the key is shared, with Node's own Ed25519 where it is a public one (`whpk_`).
const crypto = require("node:crypto");
const { createRequire } = require("node:module");

const library = createRequire(`${process.argv[2]}/`);
const message = JSON.parse(require("node:fs").readFileSync(0, "utf8"));

function verifyPair({ secret, headers, body }) {
  const raw = Buffer.from(secret.slice("whpk_".length), "base64");
  const key = crypto.createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") },
    format: "jwk",
  });
  const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  const signatures = headers["webhook-signature"].split(" ").map((one) => one.split(","));
  const fits = ([version, text]) =>
    version === "v1a" && crypto.verify(null, signed, key, Buffer.from(text, "base64"));
  if (!signatures.some(fits)) throw new Error("no signature fits");
}

try {
  if (message.secret.startsWith("whpk_")) {
    verifyPair(message);
  } else {
    const { Webhook } = library("standardwebhooks");
    new Webhook(message.secret).verify(message.body, message.headers);
  }
  console.log(JSON.stringify({ verified: true }));
} catch (error) {
  console.log(JSON.stringify({ verified: false, why: error.message }));
}
