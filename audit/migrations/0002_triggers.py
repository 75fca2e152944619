"""The database refuses to change or delete what is written once."""

from django.db import migrations

from audit.once import triggers


def install(apps, schema_editor):
    triggers.install(schema_editor.connection, triggers.TABLES)


def remove(apps, schema_editor):
    triggers.remove(schema_editor.connection, triggers.TABLES)


class Migration(migrations.Migration):

    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
