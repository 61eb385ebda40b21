// Runs all eight commands of the seed with Telnyx's own SDK, which is pointed by its environment alone, and prints what
// each gave: the result, or the name and status of what was thrown.
import Telnyx from "telnyx";

const client = new Telnyx({ maxRetries: 0 });
const call = "v3:abc_-";
const client_state = "aGF2ZSBhIG5pY2UgZGF5ID1d";
const actions = client.calls.actions;
const commands = {
  client_state_update: () => actions.updateClientState(call, { client_state }),
  refer: () =>
    actions.refer(call, {
      sip_address: "sip:username@sip.non-telnyx-address.com",
      client_state,
      command_id: "node-1",
      custom_headers: [{ name: "head_1", value: "val_1" }],
      sip_auth_username: "user",
      sip_auth_password: "pass word é",
      sip_headers: [{ name: "User-to-User", value: "value" }],
    }),
  send_dtmf: () =>
    actions.sendDtmf(call, { digits: "1www2WABCDw9", client_state, command_id: "node-2", duration_millis: 500 }),
  siprec_start: () =>
    actions.startSiprec(call, {
      client_state,
      connector_name: "my-siprec-connector",
      include_metadata_custom_headers: true,
      secure: true,
      session_timeout_secs: 900,
      sip_transport: "tcp",
      siprec_track: "outbound_track",
    }),
  siprec_stop: () => actions.stopSiprec(call, { client_state, command_id: "node-4" }),
  suppression_start: () =>
    actions.startNoiseSuppression(call, {
      client_state,
      command_id: "node-5",
      direction: "both",
      noise_suppression_engine: "DeepFilterNet",
      noise_suppression_engine_config: { attenuation_limit: 80, mode: "advanced" },
    }),
  suppression_stop: () => actions.stopNoiseSuppression(call, { client_state, command_id: "node-6" }),
  switch_supervisor_role: () => actions.switchSupervisorRole(call, { role: "barge" }),
  // Some SDKs send no body at all where there are no parameters.
  siprec_start_bare: () => actions.startSiprec(call),
  wrong_digits: () => actions.sendDtmf(call, { digits: "12x" }),
};

for (const [name, command] of Object.entries(commands)) {
  try {
    console.log(JSON.stringify({ name, result: (await command()).data.result }));
  } catch (error) {
    console.log(JSON.stringify({ name, thrown: error.constructor.name, status: error.status }));
  }
}
