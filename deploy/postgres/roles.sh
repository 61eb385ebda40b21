#!/bin/sh
# Runs once, when the Postgres of deploy/compose.yaml is new: gives the parts their passwords. `callaudit migrate`
# finds these roles and adds what they may do.
set -eu

login() {
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set role="$1" --set password="$2" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
SQL
}

login callaudit_ingest "$INGEST_PASSWORD"
login callaudit_worker "$WORKER_PASSWORD"
