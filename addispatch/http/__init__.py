"""The HTTP API: on a unix socket for the command line, on TCP for everybody with a token."""
