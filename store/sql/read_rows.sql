-- Everything that rows from a position on claim, in order. Arrays: what stands side by side in a leaf.
SELECT position,
       ARRAY[source, event_type, event_id] AS named,
       occurred_at, received_at,
       ARRAY[call_session_id, call_leg_id, call_control_id, connection_id, signed_timestamp, key_id, quarantined]
           AS located,
       masked,
       ARRAY[body, signature] AS signed,
       salt, leaf_hash, data_hash, source, event_type, event_id, signed_timestamp, key_id, sealed_body
FROM log.events
WHERE position >= %(first)s::bigint
ORDER BY position
LIMIT %(limit)s
