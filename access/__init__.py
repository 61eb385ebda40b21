"""Who may ask: keys of the API, their scopes, and what is refused. Taking webhooks needs none of it."""
