"""The embedded backend: a fork server and fresh namespaces for every run. No daemon needed."""
