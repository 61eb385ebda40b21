-- Store rows at the positions they were given.
COPY log.events (position, event_id, data_hash, source, event_type, occurred_at, received_at, call_session_id,
    call_leg_id, call_control_id, connection_id, body, signed_timestamp, signature, key_id, quarantined, masked,
    sealed_body, salt, leaf_hash, delivery_id) FROM STDIN (FORMAT binary)
