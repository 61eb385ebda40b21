// A webhook handler as an Express and pg user would write it: verify, insert, one transaction a request.
"use strict";
const cluster = require("node:cluster");
const crypto = require("node:crypto");
const express = require("express");
const { Pool } = require("pg");

const TOLERANCE_SECONDS = 86400;
const PREFIX = Buffer.from("302a300506032b6570032100", "hex"); // SPKI of a raw Ed25519 key

if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.env.PROCESSES); i += 1) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  const key = crypto.createPublicKey({
    key: Buffer.concat([PREFIX, Buffer.from(process.env.TELNYX_PUBLIC_KEY, "base64")]),
    format: "der",
    type: "spki",
  });
  const pool = new Pool({ host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE, max: 20 });
  const app = express();
  app.post("/webhooks/telnyx", express.raw({ type: "*/*" }), async (request, response) => {
    const timestamp = request.get("telnyx-timestamp") || "";
    const signature = Buffer.from(request.get("telnyx-signature-ed25519") || "", "base64");
    const signed = Buffer.concat([Buffer.from(timestamp + "|"), request.body]);
    const fresh = Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS;
    if (!fresh || !crypto.verify(null, signed, key, signature)) return response.sendStatus(401);
    const { data } = JSON.parse(request.body);
    await pool.query(
      "INSERT INTO events (id, event_type, occurred_at, call_session_id, call_leg_id, body)" +
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
      [data.id, data.event_type, data.occurred_at, data.payload.call_session_id, data.payload.call_leg_id, request.body.toString()],
    );
    return response.json({ status: "ok" });
  });
  app.listen(Number(process.env.PORT), "127.0.0.1");
}
