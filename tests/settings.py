"""Settings of the suite: those of the product, with the environment of a test."""

import os

os.environ.setdefault("SECRET_KEY", "test-only-secret-key-that-is-long-enough-for-anything")
# What the suite's processes signed, the tests verify.
os.environ.setdefault("DRSORCH_AUDIT_KEYS", "tests:test-only-0123456789-abcdefghijklmnopqrstuvwxyz")
os.environ.setdefault("DEBUG", "false")
os.environ.setdefault("HTTPS_ONLY", "false")
os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,testserver")
os.environ.setdefault("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "secret")
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
# Nobody listens there: a test that does not say where its AWS is reaches none.
os.environ.setdefault("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
# Tests travel in time; those of it ask for a recent sign-in.
os.environ.setdefault("DRSORCH_RECENT_SIGN_IN_SECONDS", "0")
# Tests ask as much as they like; those of the throttles set their own.
os.environ.setdefault("DRSORCH_API_READS_PER_MINUTE", "0")
os.environ.setdefault("DRSORCH_API_WRITES_PER_MINUTE", "0")
os.environ.setdefault("DRSORCH_API_STRANGERS_PER_MINUTE", "0")
# The pages that are checked stand on this machine.
os.environ.setdefault("DRSORCH_OUTBOUND_ALLOW", "127.0.0.0/8,::1/128")

from drsorch.settings import *  # noqa: F403 # all of them

# What every request logs is written in three places at once; a failure's own words are louder.
LOGGING = {**LOGGING, "root": {**LOGGING["root"], "level": "WARNING"}}  # noqa: F405 # it came with them
# Each test client loads the middleware anew; static files are looked up when asked for, not all listed each time.
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
