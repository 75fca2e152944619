"""What every process of ours imports and no setting changes. A fork of a process that has imported it starts on
half of the CPU; nothing here is ours, or reads the environment."""

import boto3.session
import botocore.session
import django.core.management
import django.db.backends.postgresql.base
import django.forms
import environ
import psycopg
import redis
import structlog

__all__ = ["boto3", "botocore", "django", "environ", "psycopg", "redis", "structlog"]
