-- Keep one later delivery of a stored event whole.
INSERT INTO log.redeliveries
    (position, received_at, attempt, body, signed_timestamp, signature, key_id, masked, sealed_body, delivery_id)
VALUES (%(position)s, %(received_at)s, %(attempt)s, %(body)s, %(signed_timestamp)s, %(signature)s, %(key_id)s,
    %(masked)s, %(sealed_body)s, %(delivery_id)s)
