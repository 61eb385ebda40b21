-- Everything that rows claim; whoever reads says which rows. Arrays: what stands side by side in a leaf.
-- Whoever tampers may leave an infinite time, which numeric knows and bigint does not, and nulls.
SELECT position,
       ARRAY[source, event_type, event_id,
             trunc(extract(epoch FROM occurred_at) * 1000000)::text,
             trunc(extract(epoch FROM received_at) * 1000000)::text,
             call_session_id, call_leg_id, call_control_id, connection_id, signed_timestamp, key_id, quarantined,
             masked::integer::text] AS claims,
       ARRAY[body, signature] AS signed,
       coalesce(salt, '') AS salt, coalesce(leaf_hash, '') AS leaf_hash, coalesce(data_hash, '') AS data_hash,
       source, event_id, occurred_at, sealed_body
FROM log.events
