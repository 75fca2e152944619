import os

from django.core.wsgi import get_wsgi_application

from drsorch.observing.logging import catch_all

# What is warned of while all is loaded is a line of the log too.
catch_all()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drsorch.settings")

application = get_wsgi_application()

# A server that is started on this module runs no command, and so no checks.
from drsorch.checks import errors_refuse  # noqa: E402 # it imports models, which exist once Django is set up

errors_refuse()

# Before the first request needs them, and once for all processes that are forked from this one.
from drsorch import urls  # noqa: E402, F401 # as above
from drsorch.observing import tracing  # noqa: E402 # as above
from drsorch.observing.started import start_record  # noqa: E402 # once Django is set up

tracing.start()
start_record("web")
