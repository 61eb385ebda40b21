-- The connection of the call that a control id names, where it is known.
SELECT leg.connection_id
FROM calls.call_legs AS leg
WHERE leg.call_control_id = %(call_control_id)s AND leg.connection_id IS NOT NULL
LIMIT 1
