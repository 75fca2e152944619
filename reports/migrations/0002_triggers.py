"""The database refuses to change or delete what is written once."""

from django.db import migrations

from audit.once import triggers

TABLES = ("reports_signoff", "reports_evidence")


def install(apps, schema_editor):
    triggers.install(schema_editor.connection, TABLES)


def remove(apps, schema_editor):
    triggers.remove(schema_editor.connection, TABLES)


class Migration(migrations.Migration):

    dependencies = [("reports", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
