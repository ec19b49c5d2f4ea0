"""The ground under the apps: database server, jobs, secrets, clock, processes."""
