-- The connection of the call that a control id names, where it is known.
SELECT gateway.connection_of(%(call_control_id)s)
