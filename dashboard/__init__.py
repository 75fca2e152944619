"""Can we recover today? The landing page: what runs, how every plan did, how replication is."""
