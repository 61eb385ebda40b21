"""The program of the supervisor; `cluster` runs it."""

from callaudit.postgres import supervisor

supervisor.main()
