import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drsorch.settings")

application = get_wsgi_application()

from drsorch.started import start_record  # noqa: E402 # once Django is set up

start_record("web")
