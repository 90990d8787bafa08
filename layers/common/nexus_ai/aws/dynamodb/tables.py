"""The five tables of the deployment, by what they hold."""

from nexus_ai.aws.dynamodb.table import Table
from nexus_ai.platform.settings import get_settings


def settings() -> Table:
    return Table(get_settings().settings_table)


def rate_limits() -> Table:
    return Table(get_settings().rate_limits_table)


def cache() -> Table:
    return Table(get_settings().cache_table)


def usage() -> Table:
    return Table(get_settings().usage_table)


def audit_logs() -> Table:
    return Table(get_settings().audit_logs_table)
