-- Everything that the rows at given positions claim, in order.
SELECT position, source, event_type, event_id, occurred_at, received_at, call_session_id, call_leg_id, call_control_id,
       connection_id, signed_timestamp, key_id, quarantined, masked, body, signature, sealed_body, salt, leaf_hash,
       data_hash
FROM log.events
WHERE position = ANY(%(positions)s::bigint[])
ORDER BY position
